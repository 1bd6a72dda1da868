// Aims at who counts as having an entry whose log is not there: of seven members four have it; one of those loses its directory and is
// whole again by a snapshot, which its store has while its log on disk does not follow yet. That is the fourth, not a lost entry.
import type { Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

function run(sabotage: Sabotage): void {
  const world = new World({ members: 7, persistShare: 1, logRetainBytes: 0, logScale: 1e6, sabotage })
  const leader = world.leader()
  world.commit(leader)
  world.run(30)
  const [loser, second, third, ...behind] = world.others(leader)
  const holders = [leader, loser!, second!, third!]
  for (const node of behind) world.isolate(node, holders)
  // What goes on is kept by four alone, and cut off their logs.
  for (let i = 0; i < 20; i += 1) world.commit(leader)
  world.run(50)
  // From now on no log but those of the other three moves on disk.
  for (const node of behind) node.plane.disk.freeze()
  loser!.wipe()
  loser!.restart()
  const frozen = loser!.plane.disk
  frozen.freeze()
  world.network.heal()
  world.until('the loser has a snapshot', () => loser!.plane.state(0).index > 20)
  world.run(200)
  frozen.thaw()
  for (const node of behind) node.plane.thaw()
  world.rest()
}

export const scenarios: readonly Scenario[] = [
  { name: 'the fourth of seven has it in its store only', run: (sabotage = {}) => run(sabotage) },
]
