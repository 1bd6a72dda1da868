// Aims at reads of a leader that does not know yet what was acknowledged: it is asked the moment it is elected, its no-op is
// held up, and it hears of the old leader's last commit late. And at an old leader whose answers come from the past.
import { Message } from '../../../src/raft/raft-kinds.js'
import type { Node, Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

function askedAtOnce(leaseReads: boolean, late: number, sabotage: Sabotage): void {
  let holding = false
  let quiet = false
  const world = new World({
    ...{ leaseReads, sabotage, apply: 15 },
    fate: ({ kind, entries }) => {
      if (kind !== Message.APPEND) return undefined
      if (entries.length === 0) return quiet ? 'lost' : undefined
      return holding ? late : undefined
    },
  })
  const first = world.leader()
  world.traffic(60, 3)
  const second = world.others(first)[0]!
  // Acknowledged by a majority, and nobody has told the second that it is committed.
  world.run(10)
  quiet = true
  world.commit(first)
  holding = true
  first.plane.transfer(0, second.id)
  for (let i = 0; i < 100; i += 1) {
    for (const node of world.nodes) world.read(node)
    world.run(1)
  }
  holding = false
  world.rest()
}

/** The old leader's heartbeats arrive, the answers to them are late; meanwhile another is elected and writes. */
function answersFromThePast(sabotage: Sabotage): void {
  let old: Node | undefined
  const world = new World({
    sabotage,
    fate: ({ kind, to }) => (kind === Message.APPEND_REPLY && to === old?.id ? 70 : undefined),
  })
  const leader = world.leader()
  world.commit(leader)
  world.run(45)
  old = leader
  world.run(30)
  world.isolate(leader)
  world.read(leader)
  world.run(60)
  const next = world.leader(leader)
  world.commit(next)
  world.network.heal()
  world.read(leader)
  world.traffic(200)
  world.rest()
}

export const scenarios: readonly Scenario[] = [
  ...[false, true].flatMap((leaseReads) =>
    [10, 60].map((late) => ({
      name: `asked at once, ${leaseReads ? 'with' : 'without'} leases, its entries ${late} ms late`,
      run: (sabotage = {}) => askedAtOnce(leaseReads, late, sabotage),
    })),
  ),
  { name: 'answers from before the election come late', run: (sabotage = {}) => answersFromThePast(sabotage) },
]
