// The candidate: asks for pre-votes, which change nothing, and with a majority of them for votes in a new term.
import { Code } from '../codes.js'
import { AT_ONCE, DURABLE } from './commands.js'
import { ELECTION_SPREAD_SHARE, PRE_VOTE_RETRY_SHARE } from './config.js'
import type { Incoming, Outgoing, VoteReply } from './message.js'
import type { Raft } from './raft.js'
import { Message, Role } from './raft-kinds.js'

/** One member during one campaign. */
export class Candidate {
  readonly role = Role.CANDIDATE
  readonly #raft: Raft
  readonly #transfer: boolean
  #pre: boolean
  /** Who grants it, this member too. */
  readonly #granted = new Set<number>()
  deadline = 0
  /** Votes that come later do not count, ms. */
  #countsUntil = 0

  constructor(raft: Raft, pre: boolean, transfer: boolean) {
    this.#raft = raft
    this.#pre = pre
    this.#transfer = transfer
  }

  /** Asks. Apart from the constructor, since a single member has won when this returns. */
  start(): void {
    const raft = this.#raft
    if (!this.#pre) {
      raft.raiseTerm(raft.term + 1)
      raft.voteFor(raft.config.id)
    }
    this.deadline = raft.now + this.#patience()
    this.#countsUntil = Math.min(this.deadline, raft.now + raft.config.voteLifeMax)
    this.#granted.clear()
    const term = this.#pre ? raft.term + 1 : raft.term
    const { lastIndex, lastTerm } = raft.log
    const kind = this.#pre ? Message.PRE_VOTE : Message.VOTE
    const message: Outgoing = { kind, term, lastIndex, lastTerm, transfer: this.#transfer, life: raft.life }
    for (const peer of raft.peers) {
      if (raft.voters.includes(peer)) raft.send(peer, message, this.#pre ? AT_ONCE : DURABLE)
    }
    this.#grant(raft.config.id)
  }

  receive(message: Incoming): void {
    if (message.handle !== 0) this.#raft.commands.drop(message.handle)
    const answers = message.kind === Message.PRE_VOTE_REPLY || message.kind === Message.VOTE_REPLY
    if (answers && message.granted && this.#counts(message)) this.#grant(message.from)
  }

  tick(): void {
    this.#raft.campaign(false)
  }

  flush(): void {}

  proposals(): void {
    this.#raft.fail(Code.NO_LEADER)
  }

  reads(): void {
    this.#raft.fail(Code.NO_LEADER)
  }

  leave(): void {}

  /** How long to wait for votes: longer for real ones, which split if two campaigns overlap, and wait for disks. */
  #patience(): number {
    const { random, config } = this.#raft
    const least = config.electionTimeout * (this.#pre ? PRE_VOTE_RETRY_SHARE : 1)
    return random.between(least, least * (this.#pre ? 2 : 1 + ELECTION_SPREAD_SHARE))
  }

  /** A vote that another life asked for was for another log. One that comes too late may be of a voter that forgot it. */
  #counts({ kind, term, life }: Incoming & VoteReply): boolean {
    const raft = this.#raft
    if (this.#pre) return kind === Message.PRE_VOTE_REPLY && term === raft.term + 1
    return kind === Message.VOTE_REPLY && term === raft.term && life === raft.life && raft.now < this.#countsUntil
  }

  #grant(member: number): void {
    this.#granted.add(member)
    if (!this.#raft.voters.isQuorum(this.#granted)) return
    if (!this.#pre) {
      this.#raft.lead()
      return
    }
    this.#pre = false
    this.start()
  }
}
