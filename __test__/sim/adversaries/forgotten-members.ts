// Aims at a member that lost its directory, and that was started again with members of long ago: a majority of those is none of the members
// there are now. The leader that it finds among them has been replaced and does not know it yet, and what the member acknowledged to the new
// one is on too few disks without it. It must not take that leader's word (decision 69).
import { Message } from '../../../src/raft/raft-kinds.js'
import type { Node, Sabotage } from '../node.js'
import type { Packet } from '../plane.js'
import { type Fate, type Scenario, World } from './world.js'

const SEEDS = [1, 2, 3, 4]
/** Longer than any vote of an earlier life counts. */
const VOTES_EXPIRED_MS = 400

/** 1 to 3 founded the cluster; now 1, 2, 4, 5 and 6 are its members, and 2 leads. */
const LEARNING = [1, 1, 2, 1, 3, 1, 4, 0, 5, 0, 6, 0]
const MEMBERS = [1, 1, 2, 1, 4, 1, 5, 1, 6, 1]

function run(seed: number, sabotage: Sabotage): void {
  let fateOf = (_packet: Packet): Fate => undefined
  const world = new World({ ...{ members: 6, founders: 3, seed, sabotage }, fate: (packet) => fateOf(packet) })
  const [one, two] = [world.node(1), world.node(2)]
  world.elect(two)
  world.change(two, LEARNING)
  world.change(two, MEMBERS)
  world.commit(two)
  world.run(100)
  // The last answers to 2 are late: they come while it stands still.
  fateOf = ({ to, kind }) => (to === 2 && kind === Message.APPEND_REPLY ? 100 : undefined)
  world.run(60)
  two.pause()
  // Of the others one leads that 6 does not hear, with the vote of 1.
  fateOf = ({ from, to, kind }) => {
    const campaigns = kind === Message.PRE_VOTE || kind === Message.VOTE
    return from === 6 || to === 6 || from === 2 || to === 2 || (campaigns && from === 1) ? 'lost' : undefined
  }
  const next = world.leader(two)
  world.commit(next)
  one.wipe()
  // Neither side hears the other, and 1 is on that of 2, which hears now all that it was told meanwhile.
  const sideOf = (id: number): boolean => id === 4 || id === 5
  fateOf = ({ from, to }) => (sideOf(from) === sideOf(to) ? undefined : 'lost')
  one.restart()
  world.run(VOTES_EXPIRED_MS)
  two.resume()
  world.run(30)
  world.write(two)
  world.run(100)
  world.network.heal()
  fateOf = () => undefined
  settle(world, one)
}

/** Those that are members agree; who knows older ones only waits. */
function settle(world: World, one: Node): void {
  world.hostile = false
  world.run(300)
  world.commit(world.leader())
  world.run(100)
  if (one.whole) throw new Error('a member that knows older members than the leader takes itself for whole')
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'the old members have a leader that was replaced',
    run: (sabotage = {}) => {
      for (const seed of SEEDS) run(seed, sabotage)
    },
  },
]
