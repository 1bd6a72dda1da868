// Aims at the log's cut end: followers fall behind what is kept, get snapshots, crash with them, meet old appends and other
// leaders right after them, and go on from there.
import { Message } from '../../../src/raft/raft-kinds.js'
import { Random } from '../../../src/raft/random.js'
import type { Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

const SEEDS = [1, 2]

function run(seed: number, blow: 'none' | 'crash' | 'change of leader', sabotage: Sabotage): void {
  const random = new Random(seed, blow.length)
  const world = new World({
    ...{ seed, sabotage, persistShare: 0.5, logRetainBytes: seed % 2 === 0 ? 0 : 300, logScale: 1e6 },
    fate: ({ kind }) => (kind === Message.APPEND && random.next() < 0.2 ? [0, random.between(0, 60)] : undefined),
  })
  for (let round = 0; round < 3; round += 1) {
    const leader = world.leader()
    const behind = world.others(leader)[round % 2]!
    world.isolate(behind)
    world.traffic(random.between(60, 200), 4)
    world.network.heal()
    // Somewhere in the middle of what follows.
    world.traffic(random.between(0, 60), 2)
    if (blow === 'crash') {
      behind.crash()
      world.run(random.between(0, 40))
      behind.restart()
    }
    if (blow === 'change of leader')
      leader.plane.transfer(0, random.next() < 0.5 ? behind.id : world.others(leader, behind)[0]!.id)
    world.traffic(120, 4)
  }
  world.rest()
}

export const scenarios: readonly Scenario[] = (['none', 'crash', 'change of leader'] as const).map((blow) => ({
  name: `followers fall behind, then: ${blow}`,
  run: (sabotage = {}) => {
    for (const seed of SEEDS) run(seed, blow, sabotage)
  },
}))
