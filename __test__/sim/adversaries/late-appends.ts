// Aims at what followers do with appends that are late, doubled, or overtaken by newer ones, while leaders change and logs
// conflict: what was acknowledged or committed may not be cut, and what was matched once may not be taken for more.
import { Message } from '../../../src/raft/raft-kinds.js'
import { Random } from '../../../src/raft/random.js'
import type { Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

const SEEDS = [1, 2, 3]
/** Mostly in time, some as late as an election. */
const DELAYS = [0, 0, 0, 2, 7, 30, 120]

function run(seed: number, members: number, sabotage: Sabotage): void {
  const random = new Random(seed, members)
  const delay = (): number => DELAYS[Math.floor(random.next() * DELAYS.length)]!
  const world = new World({
    ...{ members, seed, sabotage, leaseReads: seed % 2 === 0 },
    fate: ({ kind, entries }) => {
      if (kind === Message.APPEND && entries.length > 0) return random.next() < 0.3 ? [delay(), delay() + 20] : delay()
      return kind === Message.APPEND_REPLY && random.next() < 0.2 ? [0, delay()] : undefined
    },
  })
  for (let round = 0; round < 5; round += 1) {
    world.traffic(80, 6)
    const leader = world.nodes.find(({ id, plane }) => plane.leader(0) === id)
    if (leader !== undefined && round % 2 === 0) world.isolate(leader)
    else leader?.plane.transfer(0, world.others(leader)[0]!.id)
    world.traffic(220, 10)
    world.network.heal()
  }
  world.rest()
}

export const scenarios: readonly Scenario[] = [3, 5].map((members) => ({
  name: `${members} members`,
  run: (sabotage = {}) => {
    for (const seed of SEEDS) run(seed, members, sabotage)
  },
}))
