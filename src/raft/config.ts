// What one group's core is told at its start, and the proportions that follow from it. All times in milliseconds.
import { assert } from './assert.js'
import { Voters } from './voters.js'

/** One Raft group of one member. */
export interface RaftConfig {
  /** This member; above 0. */
  readonly id: number
  /** The voters. This member is one of them, or of the following. */
  readonly members: readonly number[]
  /** While voters change: those that `members` replace, and whose majority still counts too. Default: none. */
  readonly outgoing?: readonly number[]
  /** Members that get entries and do not vote. Default: none. */
  readonly learners?: readonly number[]
  /** Who of all of them has no data. Default: nobody. */
  readonly witnesses?: readonly number[]
  /** The group; only spreads the seed. */
  readonly group: number
  /** Between heartbeats of a leader. */
  readonly heartbeatInterval: number
  /** Least time without a leader before an election. Votes are refused for this long after a leader was heard. */
  readonly electionTimeout: number
  /** The longest election timeout that an earlier life of this member may have promised a leader; its own if there was none. */
  readonly promisedBefore: number
  /** How long a candidate counts votes at most. The same for all members, whatever their election timeouts. */
  readonly voteLifeMax: number
  /** Grant read leases. */
  readonly leaseReads: boolean
  /** Bytes of log to keep for followers that lag. */
  readonly logRetainBytes: number
  /** Of the election timeouts. */
  readonly seed: number
}

/**
 * Most that a member's clock may run fast or slow against real time is about half of this share.
 * A lease is shorter than the promises that it rests on by it (Raft thesis, 6.4.1).
 */
export const CLOCK_DRIFT_SHARE = 0.1

/** Election timeouts spread over this share of the election timeout, above it. Below 1: a leader within two timeouts. */
export const ELECTION_SPREAD_SHARE = 0.75

/**
 * A candidate counts votes until it campaigns again, and never for longer than this, ms. A member that has lost its directory
 * waits until a vote of its earlier life counts no more, and does not know the candidate's election timeout, so this is one
 * number for all. Long for a vote: two syncs and a round trip. A candidate whose votes take longer asks again.
 */
export const VOTE_LIFE_MS_MAX = 3_000

/** Pre-votes without a result are repeated after this share of the election timeout, up to twice that. */
export const PRE_VOTE_RETRY_SHARE = 0.5

/** Followers learn of a commit with the next append, or after this share of the heartbeat interval. */
export const COMMIT_DELAY_SHARE = 0.1

/**
 * A member whose state machine takes nothing for this long, ms, does not lead. A single entry of the largest size takes a
 * fraction of a second, also on a slow disk; one that waits behind a flush or a snapshot that is being installed, seconds. So
 * it is long: what it ends is a hang, and a leader that is only slow would be no faster elsewhere.
 */
export const APPLY_STALL_MS = 10_000

/** A stall counts once this many heartbeats have seen it: a process that was stopped has not heard of its disk yet. */
export const STALL_HEARTBEATS = 2

/** With more bytes of entries than this under way to a follower, heartbeats go beside them, too: 10 MB a second carry them in 6 ms. */
export const BESIDE_BYTES: number = 64 << 10

/** A follower has this many election timeouts to install a snapshot that reached it, before it is probed again. */
export const SNAPSHOT_INSTALL_TIMEOUTS = 30

/** Who votes; throws if these cannot be the members of a group. */
export function votersOf({ members, outgoing, learners, witnesses }: RaftConfig): Voters {
  return new Voters(members, outgoing, learners, witnesses)
}

/** Throws if the configuration cannot work. */
export function checkConfig(config: RaftConfig): void {
  const { id, heartbeatInterval, electionTimeout, promisedBefore, voteLifeMax } = config
  assert(votersOf(config).members.includes(id) && id > 0, 'this member is one of the members', { id })
  assert(electionTimeout >= 3 * heartbeatInterval && heartbeatInterval > 0, 'an election timeout is three heartbeats or more', {
    heartbeatInterval,
    electionTimeout,
  })
  assert(promisedBefore >= 0 && voteLifeMax > 0, 'times are positive', { promisedBefore, voteLifeMax })
}
