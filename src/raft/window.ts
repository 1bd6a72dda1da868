// The appends under way to one follower, bounded in messages and in bytes.
import { limits } from '../limits.js'
import { assert } from './assert.js'

/** A ring of (end, bytes), oldest first; ends ascend. */
export class Window {
  readonly #ends = new Float64Array(limits.inflightMessagesMax)
  readonly #bytes = new Float64Array(limits.inflightMessagesMax)
  #head = 0
  /** Messages under way. */
  size = 0
  /** Bytes under way. */
  bytes = 0

  /** No message may be added: one more could exceed a bound (in bytes, by one message at most). */
  get full(): boolean {
    return this.size === limits.inflightMessagesMax || this.bytes >= limits.inflightBytesMax
  }

  /** A message with entries below `end` is under way. */
  add(end: number, bytes: number): void {
    assert(!this.full, 'window not full', { size: this.size, bytes: this.bytes })
    const slot = (this.#head + this.size) % limits.inflightMessagesMax
    this.#ends[slot] = end
    this.#bytes[slot] = bytes
    this.size += 1
    this.bytes += bytes
  }

  /** Everything up to `match` has arrived. */
  release(match: number): void {
    while (this.size > 0 && (this.#ends[this.#head] as number) <= match + 1) {
      this.bytes -= this.#bytes[this.#head] as number
      this.#head = (this.#head + 1) % limits.inflightMessagesMax
      this.size -= 1
    }
  }

  /** Forgets what is under way. */
  clear(): void {
    this.size = 0
    this.bytes = 0
  }
}
