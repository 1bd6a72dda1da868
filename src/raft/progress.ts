// What a leader knows of one follower: how far its log matches, and how to send it more. Sends nothing itself.
import { assert } from './assert.js'
import { Window } from './window.js'

/** Looking for the last index that both logs share: one message without known outcome at a time. */
export const PROBE = 'probe'
/** Entries whose size is not known any more: the plane clips each message, and says where the next one begins. */
export const CATCH_UP = 'catch up'
/** Several appends under way. */
export const REPLICATE = 'replicate'
/** The entries it needs were cut: a snapshot is on its way. */
export const SNAPSHOT = 'snapshot'
export type ProgressState = typeof PROBE | typeof CATCH_UP | typeof REPLICATE | typeof SNAPSHOT

/** One follower, during one term of one leader. */
export class Progress {
  readonly id: number
  state: ProgressState = PROBE
  /** The follower has this much of our log on disk. Grows, unless the follower lost entries it had acknowledged. */
  match = 0
  /** Next index to send. Always match < next. */
  next: number
  /** PROBE: a message is under way, and its answer decides. CATCH_UP: the plane has not said yet how far the last one came. */
  waiting = false
  /** When that message was sent, or the snapshot had been sent; ms. */
  waitingSince = 0
  /** The snapshot has been handed over; the follower installs it. */
  snapshotSent = false
  /** The snapshot on its way holds at least this much, so the log is kept from there. */
  snapshotFrom = 0
  /** It was sent a snapshot, and does not replicate since. */
  restoring = false
  /** Last commit index it was sent. */
  sentCommit = 0
  /** The last answer in this term; ms. */
  heardAt: number
  /** Since when no two answers were further apart than an election timeout, ms. */
  heardSince: number
  /** Newest round it has answered; 0: none. */
  round = 0
  /** It promised nothing when it last answered: it has lost something, and does not vote until it has that again. */
  recovers = false
  /** Until when it gives no other member a vote, by its answers in this term and by this member's clock, ms. */
  promisedUntil = Number.NEGATIVE_INFINITY
  /** Round under way when `match` last changed: answers to later ones know of it. */
  matchRound = 0
  /** Nonce of the last RECOVER it sent; 0: none. */
  nonce = 0
  /** Round begun when it did: answers to earlier ones are of a life that is over, and do not count. */
  bornRound = 0
  readonly window = new Window()

  constructor(id: number, next: number, now: number) {
    this.id = id
    this.next = next
    this.heardAt = now
    this.heardSince = now
  }

  /** An answer; `patience`: after how long without one it counts as gone, ms. */
  heard(now: number, patience: number): void {
    if (now - this.heardAt > patience) this.heardSince = now
    this.heardAt = now
  }

  /** The follower's log equals ours up to `match`, on its disk, by what it said `now`. */
  advance(match: number, currentRound: number, now: number): void {
    if (match > this.match) {
      this.match = match
      this.matchRound = currentRound
    }
    this.window.release(this.match, now)
    this.next = Math.max(this.next, this.match + 1)
  }

  /** Sends from `next` on: pipelined if the sizes from there are known. */
  resume(next: number, oldestKnown: number): void {
    assert(next > this.match, 'match < next', { match: this.match, next })
    this.next = next
    this.state = next >= oldestKnown ? REPLICATE : CATCH_UP
    if (this.state === REPLICATE) this.restoring = false
    this.waiting = false
    this.window.clear()
  }

  /** CATCH_UP: entries up to `end`, of so many bytes, are under way from `now` on; sizes are known from `oldestKnown` on. */
  sent(end: number, bytes: number, oldestKnown: number, now: number): void {
    this.waiting = false
    // An answer to it may have come first.
    if (end > this.next) {
      this.window.add(end, bytes, now)
      this.next = end
    }
    if (this.next < oldestKnown) return
    this.state = REPLICATE
    this.restoring = false
  }

  /** Looks for the shared end of the logs from `next` on. */
  probe(next: number): void {
    assert(next > this.match, 'match < next', { match: this.match, next })
    this.next = next
    this.state = PROBE
    this.waiting = false
    this.window.clear()
  }

  /** The follower starts with nothing, and has forgotten what it promised; `round` begins now. */
  forget(nonce: number, round: number): void {
    this.nonce = nonce
    this.bornRound = round
    this.promisedUntil = Number.NEGATIVE_INFINITY
    this.match = 0
    this.probe(this.next)
  }

  /** It has this much of the log, or will have it with the snapshot on its way: it needs what follows. */
  get has(): number {
    return this.state === SNAPSHOT ? Math.max(this.match, this.snapshotFrom) : this.match
  }

  /** A snapshot of what is `applied` here, or more, is on its way. */
  sendSnapshot(applied: number, now: number): void {
    this.state = SNAPSHOT
    this.snapshotFrom = applied
    this.restoring = true
    this.snapshotSent = false
    this.waitingSince = now
    this.window.clear()
  }

  /** The snapshot, which holds everything up to index, has been handed over. */
  handedOver(index: number, now: number): void {
    this.snapshotSent = true
    this.waitingSince = now
    this.snapshotFrom = Math.max(this.snapshotFrom, index)
    this.next = Math.max(this.next, index + 1)
  }

  /** One message is under way, and nothing else until its answer. */
  wait(now: number): void {
    this.waiting = true
    this.waitingSince = now
  }
}
