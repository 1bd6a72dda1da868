// How far a leader sends its log to witnesses. A witness has no data, so what only it and the leader have is lost with the leader's disk, and a
// member that lacks it is not elected by the witness: it gets what the others have, and the rest only if they do not keep up.
import type { Progress } from './progress.js'
import type { Raft } from './raft.js'

/** Heartbeats for which a new leader waits for who has never answered it. */
const FIRST_HEARTBEATS = 2

/** The limit of one leader in one term. */
export class WitnessLimit {
  readonly #raft: Raft
  /** End of the log at `#markedAt`, and half an election timeout or more before: whoever keeps up has the latter. */
  #end: number
  #endBefore: number
  #markedAt: number
  #heartbeats = 0

  constructor(raft: Raft) {
    this.#raft = raft
    this.#end = raft.log.lastIndex
    this.#endBefore = raft.log.lastIndex
    this.#markedAt = raft.now
  }

  /** A heartbeat goes out. */
  heartbeat(): void {
    const { now, config, log } = this.#raft
    this.#heartbeats += 1
    if (now - this.#markedAt < config.electionTimeout / 2) return
    this.#endBefore = this.#end
    this.#end = log.lastIndex
    this.#markedAt = now
  }

  /**
   * The last index that a witness is sent: what is committed, and what all voters with data that keep up have on disk; if none keeps up, what any
   * of them has. So what a witness has is on a disk with data.
   */
  last(followers: readonly Progress[]): number {
    const { voters, config, log, commit, durable } = this.#raft
    if (voters.witnesses.length === 0) return log.lastIndex
    const withData = followers.filter(({ id }) => voters.includes(id) && voters.holdsData(id))
    const reached = withData.map(({ match }) => match)
    const kept = withData.filter((follower) => this.#keepsUp(follower)).map(({ match }) => match)
    if (voters.includes(config.id)) {
      reached.push(durable)
      if (durable >= this.#endBefore) kept.push(durable)
    }
    return Math.max(commit, kept.length > 0 ? Math.min(...kept) : Math.max(0, ...reached))
  }

  #keepsUp({ recovers, round, match, heardAt }: Progress): boolean {
    const { now, config } = this.#raft
    if (recovers || now - heardAt > config.electionTimeout) return false
    return round === 0 ? this.#heartbeats < FIRST_HEARTBEATS : match >= this.#endBefore
  }
}
