// Aims at what members assume of each other: their heartbeats and election timeouts differ tenfold, as they do while an
// operator changes them one member after the other. A patient leader is cut off from impatient followers: its lease must not
// last as long as it would wait itself.
import { Random } from '../../../src/raft/random.js'
import type { Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

const SEEDS = [1, 2]

function run(seed: number, sabotage: Sabotage): void {
  const random = new Random(seed)
  const world = new World({
    ...{ members: 3, seed, sabotage, electionTimeout: 500, leaseReads: seed % 2 === 1 },
    settings: (id) => ({ heartbeatInterval: id === 1 ? 100 : 10, electionTimeout: id === 1 ? 500 : 50 * id }),
    fate: () => (random.next() < 0.05 ? 'lost' : random.between(0, 5)),
  })
  for (let round = 0; round < 4; round += 1) {
    world.traffic(100, 10)
    // To the slowest one, whose leadership the others do not wait for.
    const leader = world.leader()
    if (round % 2 === 0) leader.perform(() => leader.plane.transfer(0, 1))
    world.traffic(60, 10)
    world.isolate(world.leader())
    world.traffic(250, 10)
    world.network.heal()
  }
  world.rest()
}

export const scenarios: readonly Scenario[] = SEEDS.map((seed) => ({
  name: `settings differ, seed ${seed}`,
  run: (sabotage = {}) => run(seed, sabotage),
}))
