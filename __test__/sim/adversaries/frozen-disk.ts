// Aims at who counts as having an entry: one member's disk hangs, so that nothing it writes is ever there, while its network
// and its clock go on. It crashes at the end, and must not have been counted.
import type { Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

type Victim = 'the leader' | 'a follower'

/** From now on nothing that this member writes gets onto its disk. */
function freeze(world: World, id: number): void {
  world.node(id).plane.disk.times = { fsyncMin: 1e9, fsyncMax: 1e9, stallShare: 0, stallMax: 0 }
}

function run(victim: Victim, othersUp: number, sabotage: Sabotage): void {
  const world = new World({ sabotage })
  const leader = world.leader()
  world.commit(leader)
  const frozen = victim === 'the leader' ? leader : world.others(leader)[0]!
  freeze(world, frozen.id)
  world.run(5)
  const healthy = world.others(frozen)
  // With one healthy disk of three nothing may be committed, with two everything.
  if (othersUp === 1) world.isolate(healthy.find((node) => node !== leader)!)
  for (let i = 0; i < 10; i += 1) {
    world.write(leader)
    world.read(leader)
    world.run(4)
  }
  world.run(20)
  for (const node of world.nodes) node.crash()
  world.network.heal()
  // Those that did not have it decide.
  world.run(1)
  for (const node of world.others(leader)) node.restart()
  world.run(300)
  world.rest()
}

export const scenarios: readonly Scenario[] = (['the leader', 'a follower'] as const).flatMap((victim) =>
  [1, 2].map((othersUp) => ({
    name: `the disk of ${victim} hangs, ${othersUp} of the others is up`,
    run: (sabotage = {}) => run(victim, othersUp, sabotage),
  })),
)
