// Aims at members that forget everything: one loses its directory just after it has given a vote, acknowledged an entry, or
// heard of a new term, and comes back while leaders change. It may not vote nor be counted before it is whole.
import { Message } from '../../../src/raft/raft-kinds.js'
import { Random } from '../../../src/raft/random.js'
import type { Sabotage } from '../node.js'
import type { Packet } from '../plane.js'
import { grants, type Scenario, World } from './world.js'

const SEEDS = [1, 2]

const MOMENTS: Readonly<Record<string, (packet: Packet) => boolean>> = {
  'after it voted': grants,
  'after it acknowledged': ({ kind, fields }) => kind === Message.APPEND_REPLY && fields[1] === 0 && fields[0]! > 1,
  'after it campaigned': ({ kind }) => kind === Message.VOTE,
}

function run(seed: number, members: number, moment: (packet: Packet) => boolean, sabotage: Sabotage): void {
  const random = new Random(seed, members)
  let due = true
  const world = new World({
    ...{ members, seed, sabotage },
    fate: (packet, hostile) => {
      const { from, to, kind } = packet
      const whole = hostile.nodes.filter((node) => node.id !== from && node.whole && node.knowsOfElections)
      if (due && moment(packet) && whole.length * 2 > members) {
        due = false
        hostile.scheduler.after(1.5, () => {
          hostile.node(from).wipe()
          if (random.next() < 0.5) hostile.isolate(hostile.node(to))
          hostile.scheduler.after(random.between(1, 40), () => hostile.node(from).restart())
        })
      }
      return kind === Message.VOTE || kind === Message.RECOVER_REPLY ? random.between(0, 50) : undefined
    },
  })
  for (let round = 0; round < 4; round += 1) {
    due = true
    const leader = world.nodes.find(({ id, plane }) => plane.leader(0) === id)
    if (leader !== undefined && random.next() < 0.6) leader.plane.transfer(0, world.others(leader)[0]!.id)
    world.traffic(300, 16)
    world.network.heal()
    world.traffic(100, 16)
  }
  world.rest()
}

export const scenarios: readonly Scenario[] = [3, 5].flatMap((members) =>
  Object.entries(MOMENTS).map(([name, moment]) => ({
    name: `one of ${members} loses its directory ${name}`,
    run: (sabotage = {}) => {
      for (const seed of SEEDS) run(seed, members, moment, sabotage)
    },
  })),
)
