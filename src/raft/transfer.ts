// Handing leadership to a follower (Raft thesis, 3.10): take no more proposals, wait until it has the whole log, tell it
// to campaign at once. Gives up after an election timeout, and says so: whoever asked waits for it.
import { Code } from '../codes.js'
import { AT_ONCE } from './commands.js'
import type { Lease } from './lease.js'
import type { Progress } from './progress.js'
import type { Raft } from './raft.js'
import { Message } from './raft-kinds.js'

/** A chunk of proposals that waits for the end of a transfer. */
export interface Held {
  readonly count: number
  readonly bytes: number
}

/** At most one transfer of one leader. */
export class Transfer {
  readonly #raft: Raft
  readonly #lease: Lease
  /** 0: none is under way. */
  #target = 0
  #timeoutNowSent = false
  /** Bounded by proposalBytesMax: the plane accepts no more than that. */
  #held: Held[] = []
  /** When it is given up, ms; ∞ if none is under way. */
  deadline = Number.POSITIVE_INFINITY

  constructor(raft: Raft, lease: Lease) {
    this.#raft = raft
    this.#lease = lease
  }

  /** To whom it goes; 0: none is under way. */
  get target(): number {
    return this.#target
  }

  get active(): boolean {
    return this.#target !== 0
  }

  /** Begins; a transfer under way goes on if it has the same target, and is replaced if not. */
  start(target: number): void {
    if (this.#target === target) return
    if (this.active) this.#raft.commands.transferOver(this.#target, Code.ABORTED)
    this.#target = target
    this.#timeoutNowSent = false
    this.deadline = this.#raft.now + this.#raft.config.electionTimeout
    this.#lease.end()
  }

  /** A chunk waits until the transfer ends. */
  hold(count: number, bytes: number): void {
    this.#held.push({ count, bytes })
  }

  /** Tells the target once it has everything. */
  advance(followers: readonly Progress[]): void {
    if (!this.active || this.#timeoutNowSent) return
    const target = followers.find((follower) => follower.id === this.#target)
    if (target === undefined || target.match < this.#raft.log.lastIndex) return
    this.#timeoutNowSent = true
    // The votes it asks for override the promise that the lease relies on.
    this.#lease.revoke()
    this.repeat()
  }

  /** Tells it again, in case the message was lost. */
  repeat(): void {
    if (this.active && this.#timeoutNowSent)
      this.#raft.send(this.#target, { kind: Message.TIMEOUT_NOW, term: this.#raft.term }, AT_ONCE)
  }

  /** Gives up the one under way, and says why; returns what was held. */
  giveUp(code: number): readonly Held[] {
    this.#raft.commands.transferOver(this.#target, code)
    const held = this.#held
    this.#held = []
    this.#target = 0
    this.deadline = Number.POSITIVE_INFINITY
    return held
  }
}
