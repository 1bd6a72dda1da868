// The appends under way to one follower, bounded in messages and in bytes. The bytes adapt to the way: as many as it carries without that
// they queue up somewhere on it, where what comes behind them would wait.
//
// As TCP Vegas does (Brakmo and Peterson, 1995): while round trips take little longer than the shortest, the bound grows by what arrives,
// so it doubles with each; when they take longer, it is halved, once a round trip. What is begun anew begins with little.
import { limits } from '../limits.js'
import { assert } from './assert.js'

/** Bytes at first, and at least: what takes 100 ms to arrive still brings 40 MiB a second. */
export const WINDOW_BYTES_MIN: number = 4 * limits.appendBytesMax
/** A round trip that takes up to twice the shortest, and this much more, says nothing of a queue: a disk syncs in that time; ms. */
const QUEUED_MS_MAX = 100
/** The shortest round trip counts for so long; then the way may be another; ms. */
const SHORTEST_FOR_MS = 10_000

/** A ring of (end, bytes, when sent), oldest first; ends ascend. */
export class Window {
  readonly #ends = new Float64Array(limits.inflightMessagesMax)
  readonly #bytes = new Float64Array(limits.inflightMessagesMax)
  readonly #sentAt = new Float64Array(limits.inflightMessagesMax)
  #head = 0
  /** Messages under way. */
  size = 0
  /** Bytes under way. */
  bytes = 0
  /** Bytes that may be under way; more by one message at most. */
  bytesMax = WINDOW_BYTES_MIN
  #shortest = Number.POSITIVE_INFINITY
  #shortestAt = 0
  #halvedAt = 0

  /** No message may be added: one more could exceed a bound (in bytes, by one message at most). */
  get full(): boolean {
    return this.size === limits.inflightMessagesMax || this.bytes >= this.bytesMax
  }

  /** A message with entries below `end` is under way from `now` on. */
  add(end: number, bytes: number, now: number): void {
    assert(!this.full, 'window not full', { size: this.size, bytes: this.bytes })
    const slot = (this.#head + this.size) % limits.inflightMessagesMax
    this.#ends[slot] = end
    this.#bytes[slot] = bytes
    this.#sentAt[slot] = now
    this.size += 1
    this.bytes += bytes
  }

  /** Everything up to `match` has arrived by `now`. */
  release(match: number, now: number): void {
    const wasFull = this.bytes >= this.bytesMax
    while (this.size > 0 && (this.#ends[this.#head] as number) <= match + 1) {
      const bytes = this.#bytes[this.#head] as number
      this.#adapt(this.#sentAt[this.#head] as number, now, wasFull ? bytes : 0)
      this.bytes -= bytes
      this.#head = (this.#head + 1) % limits.inflightMessagesMax
      this.size -= 1
    }
  }

  /** Forgets what is under way, and how much may be. */
  clear(): void {
    this.size = 0
    this.bytes = 0
    this.bytesMax = WINDOW_BYTES_MIN
  }

  /** A message arrived; the bound grows by `more` unless it had to wait on its way. */
  #adapt(sentAt: number, now: number, more: number): void {
    const took = now - sentAt
    if (took <= this.#shortest || now - this.#shortestAt > SHORTEST_FOR_MS) {
      this.#shortest = took
      this.#shortestAt = now
    }
    if (took <= 2 * this.#shortest + QUEUED_MS_MAX) {
      this.bytesMax = Math.min(limits.inflightBytesMax, this.bytesMax + more)
    } else if (sentAt >= this.#halvedAt) {
      // Of those sent before, the last halving has been told.
      this.bytesMax = Math.max(WINDOW_BYTES_MIN, this.bytesMax / 2)
      this.#halvedAt = now
    }
  }
}
