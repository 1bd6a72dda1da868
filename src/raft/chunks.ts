// How many bytes the newest entries have, in chunks as they were accepted: what the leader needs to fill its windows.
import { limits } from '../limits.js'
import { assert } from './assert.js'

/** Chunks remembered; what is older is sent one message at a time. */
const CHUNKS_MAX = 4096
/** Neighbouring chunks are remembered as one up to this many bytes. */
const MERGED_BYTES_MAX = limits.appendBytesMax / 64

/** A bounded ring of (first index, bytes); chunk k ends where chunk k + 1 begins. */
export class Chunks {
  readonly #firsts = new Float64Array(CHUNKS_MAX)
  readonly #bytes = new Float64Array(CHUNKS_MAX)
  /** Chunks ever added; the newest is in slot (added − 1) mod CHUNKS_MAX. */
  #added = 0
  #end: number
  /** Bytes of the range that `endOfRange` returned last; a range that begins inside a chunk counts the whole chunk. */
  rangeBytes = 0

  /** `next`: the index that the first chunk will have. */
  constructor(next: number) {
    this.#end = next
  }

  /** The first index whose size is known; the next index if none is. */
  get oldest(): number {
    return this.#added === 0 ? this.#end : (this.#firsts[this.#slot(this.#oldestNumber())] as number)
  }

  /** Adds count entries that follow the last ones. */
  add(count: number, bytes: number): void {
    const newest = this.#slot(this.#added - 1)
    if (this.#added > 0 && (this.#bytes[newest] as number) + bytes <= MERGED_BYTES_MAX) {
      this.#bytes[newest] = (this.#bytes[newest] as number) + bytes
    } else {
      const slot = this.#slot(this.#added)
      this.#firsts[slot] = this.#end
      this.#bytes[slot] = bytes
      this.#added += 1
    }
    this.#end += count
  }

  /** End of the longest range of whole chunks from `first` on that fits one message, at least one chunk; sets `rangeBytes`. */
  endOfRange(first: number): number {
    assert(first >= this.oldest && first < this.#end, 'range of known size', { first, oldest: this.oldest, end: this.#end })
    let number = this.#numberOf(first)
    this.rangeBytes = 0
    do {
      this.rangeBytes += this.#bytes[this.#slot(number)] as number
      number += 1
    } while (number < this.#added && this.rangeBytes + (this.#bytes[this.#slot(number)] as number) <= limits.appendBytesMax)
    return number === this.#added ? this.#end : (this.#firsts[this.#slot(number)] as number)
  }

  /** Number of the chunk that holds index. */
  #numberOf(index: number): number {
    let low = this.#oldestNumber()
    let high = this.#added
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((this.#firsts[this.#slot(middle)] as number) <= index) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #oldestNumber(): number {
    return Math.max(0, this.#added - CHUNKS_MAX)
  }

  #slot(number: number): number {
    return (number + CHUNKS_MAX) % CHUNKS_MAX
  }
}
