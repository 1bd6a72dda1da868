// Aims at how a majority is counted: of seven members exactly three or exactly four can hear each other, with the leader on
// either side. Three must commit nothing, confirm no read and elect nobody; four must do all of that.
import type { Node, Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

/** Cuts the cluster in two: `side` and the rest. */
function split(world: World, side: readonly Node[]): void {
  for (const node of side) world.isolate(node, world.others(...side))
}

function minority(sabotage: Sabotage, leaseReads: boolean): void {
  const world = new World({ members: 7, leaseReads, sabotage })
  const leader = world.leader()
  world.commit(leader)
  world.run(30)
  const others = world.others(leader)
  split(world, [leader, others[0]!, others[1]!])
  const [write, read] = [world.write(leader), world.read(leader)]
  world.run(40)
  if (write.acknowledged) throw new Error('three of seven committed a write')
  if (read.answered && !leaseReads) throw new Error('three of seven confirmed a read')
  const next = world.leader(leader)
  world.commit(next)
  // The old leader believes no longer that it leads.
  world.read(leader)
  world.run(60)
  if (leader.plane.leader(0) === leader.id) throw new Error('a leader that hears two of seven still leads')
  world.traffic(150)
  world.rest()
}

function exactMajority(sabotage: Sabotage): void {
  const world = new World({ members: 7, sabotage })
  const leader = world.leader()
  world.commit(leader)
  const others = world.others(leader)
  split(world, [leader, ...others.slice(0, 3)])
  world.run(250)
  const elections = world.counts.elections
  const read = world.read(leader)
  world.commit(leader)
  if (!read.answered) throw new Error('four of seven did not confirm a read')
  if (world.counts.elections > elections) throw new Error('a leader that hears three of seven was replaced')
  // Those that took part go, all but one: it must lead, or nobody.
  for (const node of [leader, others[0]!, others[1]!]) node.crash()
  world.network.heal()
  world.commit(world.leader())
  world.rest()
}

function threeOfSevenElectNobody(sabotage: Sabotage): void {
  const world = new World({ members: 7, sabotage })
  world.commit(world.leader())
  for (const node of world.nodes.slice(0, 4)) node.crash()
  world.run(150)
  const { elections } = world.counts
  world.run(800)
  if (world.counts.elections > elections) throw new Error('three of seven elected a leader')
  world.nodes[0]!.restart()
  world.commit(world.leader())
  world.rest()
}

export const scenarios: readonly Scenario[] = [
  { name: 'the leader is left with two others', run: (sabotage = {}) => minority(sabotage, false) },
  { name: 'the leader is left with two others and its lease', run: (sabotage = {}) => minority(sabotage, true) },
  { name: 'the leader is left with three others', run: (sabotage = {}) => exactMajority(sabotage) },
  { name: 'four of seven are down', run: (sabotage = {}) => threeOfSevenElectNobody(sabotage) },
]
