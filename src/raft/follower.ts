// The follower: takes the leader's entries, says how far its log goes, and campaigns when it hears of no leader.
import { Code } from '../codes.js'
import { assert } from './assert.js'
import { AT_ONCE, BESIDE, DURABLE } from './commands.js'
import { votersOfParts } from './configuration.js'
import type { Append, Incoming, Outgoing } from './message.js'
import type { Raft } from './raft.js'
import { Message, Role } from './raft-kinds.js'

/** One member while it follows, or waits for a leader. */
export class Follower {
  readonly role = Role.FOLLOWER
  readonly #raft: Raft
  /** The leader's log equals this one up to here, and it has not been told yet; 0: nothing to tell. One answer a step. */
  #matched = 0
  #matchedRound = 0
  #matchedPrevious = 0

  constructor(raft: Raft) {
    this.#raft = raft
  }

  get deadline(): number {
    return this.#raft.electionDeadline
  }

  receive(message: Incoming): void {
    if (message.kind === Message.APPEND) {
      this.#append(message)
      return
    }
    if (message.kind === Message.TIMEOUT_NOW) {
      this.#raft.campaign(true)
      return
    }
    if (message.handle !== 0) this.#raft.commands.drop(message.handle)
  }

  tick(): void {
    this.#raft.campaign(false)
  }

  flush(): void {
    if (this.#matched === 0) return
    const raft = this.#raft
    const answer = this.#accepted(this.#matched, this.#matchedRound, this.#matchedPrevious)
    this.#matched = 0
    this.#matchedRound = 0
    this.#matchedPrevious = 0
    raft.send(raft.leader, answer, DURABLE)
  }

  proposals(): void {
    this.#refuse()
  }

  reads(): void {
    this.#refuse()
  }

  leave(): void {
    this.flush()
  }

  /** Tells whoever sent a snapshot how far this member's log goes now. */
  report(to: number): void {
    const raft = this.#raft
    if (raft.leader === to) raft.send(to, this.#accepted(this.#known(), 0, 0), AT_ONCE)
  }

  #append(message: Incoming & Append): void {
    const raft = this.#raft
    const { log } = raft
    raft.heard(message.from)
    let count = 0
    for (let i = 1; i < message.runs.length; i += 2) count += message.runs[i] as number
    const previous = message.previousIndex
    const behindBase = previous < log.baseIndex
    if (!behindBase && !log.has(previous, message.previousTerm)) {
      this.#reject(message)
      return
    }
    // What was cut is committed, so the leader has the same.
    const last = Math.max(previous + count, log.baseIndex)
    if (message.handle !== 0) this.#appendMissing(message, previous)
    assert(last <= log.lastIndex, 'an append was taken whole', { last, lastIndex: log.lastIndex, handle: message.handle })
    raft.commitTo(Math.min(message.commit, last))
    raft.recovery?.matched(last)
    this.#accept(message, count, last)
  }

  /** An answer that needs no disk goes at once; the others together, when this step's entries are on disk. */
  #accept(message: Incoming & Append, count: number, last: number): void {
    const raft = this.#raft
    if (count > 0) {
      this.#matched = Math.max(this.#matched, last, this.#known())
      this.#matchedRound = Math.max(this.#matchedRound, message.round)
      this.#matchedPrevious = Math.max(this.#matchedPrevious, message.previousIndex)
    } else {
      const index = Math.max(Math.min(last, raft.durable), this.#known())
      const after = message.previousIndex === 0 ? BESIDE : AT_ONCE
      raft.send(message.from, this.#accepted(index, message.round, message.previousIndex), after)
    }
  }

  /** What is committed the leader has, whoever it is. */
  #known(): number {
    return Math.min(this.#raft.commit, this.#raft.durable)
  }

  /** Writes the entries of the payload from the first one on that the log does not have. */
  #appendMissing(message: Incoming, previous: number): void {
    const raft = this.#raft
    const { configurations, log } = raft
    const { runs } = message
    let index = previous + 1
    for (let i = 0; i < runs.length; i += 2) {
      const term = runs[i] as number
      const end = index + (runs[i + 1] as number)
      if (index <= log.baseIndex) index = Math.min(end, log.baseIndex + 1)
      if (index < end) index += log.overlap(index, term, end - index)
      if (index === end) continue
      const rest = [term, end - index, ...runs.slice(i + 2)]
      const { current } = configurations
      this.#appendFrom(message.handle, index, index - previous - 1, rest)
      for (const { at, parts } of message.configurations) {
        const configured = previous + 1 + at
        if (configured >= index) configurations.append(configured, log.term(configured), votersOfParts(parts))
      }
      // Once for all of them, and behind APPEND: the plane knows the names of those that its log's last configuration has.
      if (configurations.current !== current) raft.takeEffect()
      return
    }
    raft.commands.drop(message.handle)
  }

  #appendFrom(handle: number, first: number, skip: number, runs: readonly number[]): void {
    const raft = this.#raft
    const { log } = raft
    if (first <= log.lastIndex) raft.truncateLog(first)
    raft.settle()
    raft.commands.append(handle, first, skip, runs)
    for (let i = 0; i < runs.length; i += 2) log.append(runs[i] as number, runs[i + 1] as number)
  }

  #reject(message: Incoming & Append): void {
    const raft = this.#raft
    if (message.handle !== 0) raft.commands.drop(message.handle)
    const index = raft.log.lastWithin(message.previousIndex, message.previousTerm)
    const { round, previousIndex } = message
    const hint = { index, rejected: true, hintTerm: raft.log.term(index) }
    const answer: Outgoing = { kind: Message.APPEND_REPLY, term: raft.term, ...hint, round, promise: raft.promise, previousIndex }
    raft.send(message.from, answer, AT_ONCE)
  }

  /** The log equals the leader's up to `index`; the append that this answers followed `previousIndex`. */
  #accepted(index: number, round: number, previousIndex: number): Outgoing {
    const { term, promise, recovery } = this.#raft
    // Who does not vote has nothing to promise: so the leader knows that it cannot be elected by it yet, nor elect.
    const kept = recovery === null ? promise : 0
    return { kind: Message.APPEND_REPLY, term, index, rejected: false, hintTerm: 0, round, promise: kept, previousIndex }
  }

  #refuse(): void {
    this.#raft.fail(this.#raft.leader === 0 ? Code.NO_LEADER : Code.NOT_LEADER)
  }
}
