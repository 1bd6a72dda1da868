// Reads the events array front to back. Knows where numbers stand, not what they mean.
import { assert } from '../raft/assert.js'

/** A cursor over one exchange's events. */
export class EventReader {
  #array: Float64Array = new Float64Array(0)
  #at = 0
  #end = 0

  /** Begins a new array: its first double is the number of doubles used. */
  start(array: Float64Array): void {
    this.#array = array
    this.#at = 0
    this.#end = array.length
    this.#end = this.next()
    assert(this.#end >= 2 && this.#end <= array.length, 'events fit their array', { used: this.#end, length: array.length })
  }

  get done(): boolean {
    return this.#at >= this.#end
  }

  /** The next double. */
  next(): number {
    assert(this.#at < this.#end, 'events are whole records', { at: this.#at, end: this.#end })
    const value = this.#array[this.#at] as number
    this.#at += 1
    return value
  }

  /** `count` pairs, flat. */
  pairs(count: number): number[] {
    assert(this.#at + 2 * count <= this.#end, 'events are whole records', { at: this.#at, end: this.#end, count })
    const pairs = new Array<number>(2 * count)
    for (let i = 0; i < pairs.length; i += 1) pairs[i] = this.next()
    return pairs
  }
}
