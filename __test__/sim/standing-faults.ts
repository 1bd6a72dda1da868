// One fault that does not go away, in a cluster that is otherwise well: what it is, and to whom. A majority that is not hit goes on.
import { APPLY_STALL_MS } from '../../src/raft/config.js'
import type { Random } from '../../src/raft/random.js'
import type { Configuration } from './configuration.js'
import type { Network } from './network.js'
import type { Node } from './node.js'

/** One that may stand. */
export interface StandingFault {
  readonly name: string
  /** Who can be hit: whether it leads, and how many others. */
  readonly leader: boolean
  /** Begins. `other`: a voter that is not the one that is hit; `voters`: all others. */
  begin(world: { network: Network; node: Node; other: Node; others: readonly Node[] }): void
  /** Ends, beside what mends the network and starts members. */
  end?(node: Node): void
  /** How long, beyond a few election timeouts, it may take to notice it, ms. */
  readonly noticedAfter?: number
}

const each = (name: string, rest: Omit<StandingFault, 'name' | 'leader'>): StandingFault[] => [
  { ...rest, name: `the leader ${name}`, leader: true },
  { ...rest, name: `a follower ${name}`, leader: false },
]

export const STANDING_FAULTS: readonly StandingFault[] = [
  ...each('is down', { begin: ({ node }) => node.crash() }),
  ...each('is stopped', { begin: ({ node }) => node.pause() }),
  ...each('is cut off', {
    begin: ({ network, node, others }) => {
      for (const { id } of others) cutBoth(network, node.id, id)
    },
  }),
  ...each('is not heard', {
    begin: ({ network, node, others }) => {
      for (const { id } of others) network.cut(node.id, id)
    },
  }),
  ...each('hears nobody', {
    begin: ({ network, node, others }) => {
      for (const { id } of others) network.cut(id, node.id)
    },
  }),
  ...each('has lost its link to one other', { begin: ({ network, node, other }) => cutBoth(network, node.id, other.id) }),
  ...each('is not heard by one other', { begin: ({ network, node, other }) => network.cut(node.id, other.id) }),
  ...each('does not hear one other', { begin: ({ network, node, other }) => network.cut(other.id, node.id) }),
  ...each('has a disk that hangs', { begin: ({ node }) => node.plane.disk.freeze(), end: ({ plane }) => plane.thaw() }),
  ...each('has a state machine that hangs', {
    begin: ({ node }) => node.plane.freezeApply(),
    end: ({ plane }) => plane.thaw(),
    noticedAfter: APPLY_STALL_MS,
  }),
]

function cutBoth(network: Network, a: number, b: number): void {
  network.cut(a, b)
  network.cut(b, a)
}

/** One of them and whom it hits, in a group led by `leader`; undefined where one fault is enough to stop everybody. */
export function drawStandingFault(
  random: Random,
  nodes: readonly Node[],
  leader: Node,
  { incoming, outgoing }: Configuration,
): { fault: StandingFault; node: Node; other: Node; others: readonly Node[] } | undefined {
  if (incoming.length < 3 || outgoing.length > 0 || !incoming.includes(leader.id)) return undefined
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random.next() * choices.length)]!
  const fault = pick(STANDING_FAULTS)
  const followers = nodes.filter(({ id }) => incoming.includes(id) && id !== leader.id)
  const node = fault.leader ? leader : pick(followers)
  const others = nodes.filter((other) => other !== node)
  return { fault, node, other: pick(others.filter(({ id }) => incoming.includes(id))), others }
}
