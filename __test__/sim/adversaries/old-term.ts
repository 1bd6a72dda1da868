// Aims at the rule of figure 8 of the Raft paper: an entry of an earlier term that a majority has may still be replaced, so
// it is committed only with an entry of the leader's own term.
import { Message } from '../../../src/raft/raft-kinds.js'
import type { Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

function run(sabotage: Sabotage): void {
  /** Whose entries, of which kind, do not arrive. */
  let withheld: 'none' | 'all' | 'of the current term' = 'none'
  const world = new World({
    ...{ members: 5, sabotage },
    fate: ({ kind, term, entries }) => {
      if (kind !== Message.APPEND || withheld === 'none') return undefined
      return entries.some((entry) => withheld === 'all' || entry.term === term) ? 'lost' : undefined
    },
  })
  const first = world.leader()
  world.commit(first)
  world.run(50)
  const [second, ...rest] = world.others(first)
  // An entry on two of five.
  world.isolate(first, rest)
  world.write(first)
  world.run(10)
  first.crash()
  world.network.heal()
  // Another leader writes on its own disk only.
  world.isolate(second!)
  withheld = 'all'
  const other = world.leader()
  world.write(other)
  world.run(5)
  other.crash()
  // The first one comes back, and brings its old entry to a majority, but nothing of its new term.
  withheld = 'of the current term'
  first.restart()
  const old = first.plane.diskLog(0).lastIndex
  const third = world.others(first, second!, other)[0]!
  world.until('an old entry reaches a majority', () => third.plane.diskLog(0).lastIndex === old)
  world.run(10)
  if (world.leader() !== first) throw new Error('the first does not lead')
  // Those with the newest log decide.
  first.crash()
  second!.crash()
  withheld = 'none'
  other.restart()
  world.commit(world.leader())
  world.rest()
}

export const scenarios: readonly Scenario[] = [
  { name: 'an old entry reaches a majority, the own no-op does not', run: (sabotage = {}) => run(sabotage) },
]
