// What the worker is told at its start, and how it becomes the configuration of one group's core. Times in milliseconds.
import { type RaftConfig, VOTE_LIFE_MS_MAX } from '../raft/config.js'

/** One member, all its groups. */
export interface HostConfig {
  /** This member; above 0. */
  readonly id: number
  /** Who votes as long as no entry of the log says who does, this member too unless it is one of the following. */
  readonly members: readonly number[]
  /** Those that `members` replace, while both vote. Default: none. */
  readonly outgoing?: readonly number[]
  /** Members that do not vote. Default: none. */
  readonly learners?: readonly number[]
  /** Who of all of them has no data. Default: nobody. */
  readonly witnesses?: readonly number[]
  /** How many groups the plane will open, numbered from 0. */
  readonly groups: number
  readonly heartbeatInterval: number
  /** At least three heartbeats. */
  readonly electionTimeout: number
  /** The longest `electionTimeout` with which this member may have run before, on its data directory. Default: this one. */
  readonly promisedBefore?: number
  /** Only for tests with short timeouts: see VOTE_LIFE_MS_MAX, the default. The same for all members. */
  readonly voteLifeMax?: number
  readonly leaseReads: boolean
  /** Of each group's log, for followers that lag. */
  readonly logRetainBytes: number
  /** Spreads the election timeouts; any number. */
  readonly seed: number
}

/** The configuration of one group. */
export function groupConfig(config: HostConfig, group: number): RaftConfig {
  const { id, members, heartbeatInterval, electionTimeout, leaseReads, logRetainBytes, seed } = config
  const {
    outgoing = [],
    learners = [],
    witnesses = [],
    promisedBefore = electionTimeout,
    voteLifeMax = VOTE_LIFE_MS_MAX,
  } = config
  const times = { heartbeatInterval, electionTimeout, promisedBefore, voteLifeMax }
  return { id, members, outgoing, learners, witnesses, group, ...times, leaseReads, logRetainBytes, seed }
}
