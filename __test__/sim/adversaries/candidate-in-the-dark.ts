// Aims at the promise that leases rely on: a member that does not hear the leader campaigns again and again, and those who
// do hear it must refuse, until an election timeout after they heard it last; meanwhile the leader answers from its lease.
import type { Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

/** How long after a heartbeat the leader is cut off from the others, ms. */
const OFFSETS = [0.5, 6, 12, 18]

function run(offset: number, members: number, sabotage: Sabotage): void {
  const world = new World({ members, leaseReads: true, sabotage, seed: 1 + Math.round(offset) })
  const leader = world.leader()
  world.commit(leader)
  const dark = world.others(leader)[0]!
  world.isolate(dark, [leader])
  // No writes: it must not be refused for its log.
  for (let i = 0; i < 40; i += 1) {
    world.read(leader)
    world.run(5)
  }
  world.run(20 - (world.node(leader.id).clock() % 20) + offset)
  if (world.leader() !== leader) throw new Error('a member that does not hear the leader replaced it')
  world.isolate(leader)
  world.traffic(200, 2)
  if (world.leader() === leader) throw new Error('nobody took over')
  world.rest()
}

export const scenarios: readonly Scenario[] = [3, 5].flatMap((members) =>
  OFFSETS.map((offset) => ({
    name: `${members} members, the leader is cut off ${offset} ms after a heartbeat`,
    run: (sabotage = {}) => run(offset, members, sabotage),
  })),
)
