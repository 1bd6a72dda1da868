// A member whose data directory is new, or may lack its end: it may have lost what it acknowledged and whom it voted for, so
// it asks the others before it takes part. It alone decides when it is whole; raft.ts asks it what may be heard until then.
//
// This is the recovery protocol of "Viewstamped Replication Revisited" (Liskov and Cowling, 2012, section 4.3), for Raft.
// Phase 1: it hears nothing but answers to its own questions, each of which names a nonce of this life. It goes on
// (a) when a majority of all members, it not counted, are whole and have answered, the leader of the highest term among
//     them. That term becomes its own, with the vote in it used; what the leader's log holds is what it must have again.
// (b) when the cluster is new: see `#founds`.
// In either case all others must have answered and be whole (or everybody be new), or so much time have passed that no
// candidate counts a vote of its earlier life any more; then everybody is asked anew. The time is needed since the candidate
// for which such a vote is still under way may be the one that does not answer, or forgets it too (Michael et al.,
// "Recovering Shared Objects Without Stable Storage", 2017). With three members (a) relies on no clock.
// Phase 2: it follows and acknowledges, and neither votes nor campaigns, until it holds on disk what it must have.
//
// A member whose machine lost power before all that it had acknowledged was synced has lost less. Term and vote are always
// synced, so it knows them, and it has a part of its log, whose end may be what others have replaced since: it believes of that
// what its state machine has, and the rest when a leader says so. It follows from the start, and is whole once it holds what any
// leader of its term, or of a later one, held when it asked: it acknowledged nothing in a later term, and what it did in earlier
// ones, if it is committed, that leader has. So it need not know who the members are by now, as one must that asks a majority.
//
// A promise of its earlier life is kept by that: a vote was in a term that is its own now, or an earlier one; an entry that
// it acknowledged, and that is or will be committed, is in that leader's log.

import { AT_ONCE } from './commands.js'
import { CLOCK_DRIFT_SHARE } from './config.js'
import type { Incoming, RecoverReply } from './message.js'
import type { Raft } from './raft.js'
import { Message } from './raft-kinds.js'

/** What another member said of itself. */
interface Answer {
  readonly from: number
  readonly term: number
  readonly lastIndex: number
  readonly leads: boolean
  readonly whole: boolean
  readonly configurationIndex: number
  readonly configurationTerm: number
}

/** One member from its start until it is whole. */
export class Recovery {
  readonly #raft: Raft
  /**
   * It has lost no term and no vote. Whoever has lost them has no more than the index and the term of a snapshot that was on its way,
   * until a leader's term is its own, and its vote in that is used.
   */
  readonly #knowsVotes: boolean
  #nonce: number
  /** When the next questions go out, ms. */
  #askAt: number
  /** When no candidate counts votes of an earlier life any more, ms. */
  readonly #votesExpireAt: number
  /** This nonce is younger than that. */
  #votesExpired = false
  /** To this nonce, by member. */
  readonly #answers = new Map<number, Answer>()
  /** Phase 2: the end of the leader's log when it answered, and the leader's term. */
  #needed: { readonly term: number; readonly index: number } | null = null
  /** The log equals up to here that of the leader that was heard last, of `#matchedTerm`. */
  #matched = 0
  #matchedTerm = 0

  constructor(raft: Raft) {
    this.#raft = raft
    const { baseIndex, baseTerm, lastIndex } = raft.log
    this.#knowsVotes = raft.vote !== 0 || raft.term > baseTerm || lastIndex > baseIndex
    this.#nonce = raft.life
    this.#askAt = raft.now
    // By a clock that runs as fast as one may, while the candidate's is as slow.
    this.#votesExpireAt = raft.now + raft.config.voteLifeMax / (1 - CLOCK_DRIFT_SHARE)
  }

  /** When `tick` wants to be called, ms. */
  get deadline(): number {
    return this.#needed === null ? this.#askAt : this.#raft.electionDeadline
  }

  /** Whether the core must not hear of the message yet; answers to this member's questions are read here. */
  withholds(message: Incoming): boolean {
    const { kind } = message
    if (kind === Message.RECOVER) return false
    if (this.#needed === null && kind === Message.RECOVER_REPLY) this.#answered(message)
    if (this.#needed !== null || this.#knowsVotes) {
      return kind === Message.VOTE || kind === Message.PRE_VOTE || kind === Message.TIMEOUT_NOW
    }
    if (message.handle !== 0) this.#raft.commands.drop(message.handle)
    return true
  }

  tick(): void {
    const raft = this.#raft
    if (this.#needed === null) {
      this.#ask()
      return
    }
    // Where others would campaign.
    raft.follow(raft.term, 0)
    raft.restartElectionTimer()
  }

  /** The log equals the leader's up to index. */
  matched(index: number): void {
    const { term } = this.#raft
    this.#matched = term === this.#matchedTerm ? Math.max(this.#matched, index) : index
    this.#matchedTerm = term
  }

  /** Whole, once what is on disk is at least as new as what it must have: an entry of a later leader follows all of that. */
  flush(): void {
    if (this.#needed === null) return
    const { log, durable } = this.#raft
    const held = Math.max(Math.min(this.#matched, durable), log.baseIndex)
    if (held >= this.#needed.index || log.term(held) > this.#needed.term) this.#raft.recovered()
  }

  #answered(message: Incoming & RecoverReply): void {
    if (message.nonce !== this.#nonce) return
    const { from, term, lastIndex, leads, whole, configurationIndex, configurationTerm } = message
    const answer = { from, term, lastIndex, leads, whole, configurationIndex, configurationTerm }
    if (!this.#knowsVotes) {
      this.#answers.set(from, answer)
      this.#decide()
    } else if (leads && term >= this.#raft.term) this.#catchUp(answer)
  }

  #ask(): void {
    const raft = this.#raft
    this.#askAt = raft.now + raft.config.heartbeatInterval
    if (!this.#votesExpired && raft.now >= this.#votesExpireAt) {
      this.#votesExpired = true
      this.#nonce += 1
      this.#answers.clear()
    }
    for (const peer of raft.peers) raft.send(peer, { kind: Message.RECOVER, term: raft.term, nonce: this.#nonce }, AT_ONCE)
  }

  #decide(): void {
    const raft = this.#raft
    const answers = raft.peers.flatMap((peer) => this.#answers.get(peer) ?? [])
    const all = answers.length === raft.peers.length
    const { index, term: configurationTerm } = raft.configurations.current
    // Whoever may have its vote is among those that it asks only if the members have never changed.
    const unchanged = answers.every(({ configurationIndex }) => configurationIndex === 0)
    const prompt = all && unchanged && (answers.every(({ whole }) => whole) || answers.every((answer) => answer.term === 0))
    if (!prompt && !this.#votesExpired) return
    const term = Math.max(...answers.map((answer) => answer.term))
    const leader = answers.find((answer) => answer.leads && answer.term === term)
    // Of other members than those that the leader counts, a majority means nothing.
    const agrees = leader?.configurationIndex === index && leader.configurationTerm === configurationTerm
    if (agrees && raft.voters.isQuorum(idsOf(answers.filter(({ whole }) => whole)))) {
      this.#catchUp(leader)
    } else if (this.#founds(answers, all)) {
      this.#enter(term)
      raft.recovered()
      // Not at once, if its time has come meanwhile: the others have found out in the same moment.
      const { heartbeatInterval, electionTimeout } = raft.config
      const soon = raft.now + raft.random.between(heartbeatInterval, electionTimeout)
      raft.electionDeadline = Math.max(raft.electionDeadline, soon)
    }
  }

  /**
   * Whether the cluster is new. A committed entry is in the logs of a majority, so no other member has an empty log only if
   * nothing is committed. If some do not answer, a majority must be empty and have heard of no election. What that takes for
   * new by mistake: a lost directory, while the others that answer were never started, or never reached, since the cluster
   * is there, and those that know better are stopped.
   */
  #founds(answers: readonly Answer[], all: boolean): boolean {
    const { log, voters, config } = this.#raft
    if (log.lastIndex > 0 || answers.some(({ lastIndex }) => lastIndex > 0)) return false
    const empty = idsOf(answers.filter((answer) => answer.term === 0))
    return all || voters.isQuorum(empty.add(config.id))
  }

  /** Phase 2, with what this leader has. */
  #catchUp({ term, lastIndex }: Answer): void {
    this.#enter(term)
    this.#needed = { term, index: lastIndex }
    // What it has heard of an earlier leader says nothing of this one's log.
    if (this.#matchedTerm < term) this.#matched = 0
    this.#raft.restartElectionTimer()
  }

  /** Enters a term in which it may have voted. */
  #enter(term: number): void {
    const raft = this.#raft
    if (term > raft.term) raft.follow(term, 0)
    if (raft.term > 0 && raft.vote === 0) raft.voteFor(raft.config.id)
  }
}

function idsOf(answers: readonly Answer[]): Set<number> {
  return new Set(answers.map(({ from }) => from))
}
