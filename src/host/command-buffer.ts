// The commands array: whole records, in order. What does not fit the array waits here for the next exchange.
import { limits } from '../limits.js'
import { assert } from '../raft/assert.js'

/** Doubles of a MESSAGE without entries, and of a SEND. */
const MESSAGE_DOUBLES = 14
/**
 * Doubles that may wait for later exchanges: an events array of nothing but answers, each of which makes room for a whole
 * window, beside the timers of all groups, each of which tells all members a few things.
 */
const SPILLED_DOUBLES_MAX =
  limits.eventsDoublesMax * limits.inflightMessagesMax + 8 * limits.groupsMax * limits.membersMax * MESSAGE_DOUBLES

/** Collects records for `array`, of which `length` says how much is filled. */
export class CommandBuffer {
  readonly array: Float64Array
  #length = 0
  /** Whole records, in order, after those of the array. */
  readonly #spilled: Float64Array[] = []
  #spilledDoubles = 0
  /** Where the record that is being written goes. */
  #target: Float64Array
  #at = 0
  #end = 0

  /** `capacity` in doubles: the longest record must fit. */
  constructor(capacity: number = limits.commandsDoublesMax) {
    this.array = new Float64Array(capacity)
    this.#target = this.array
  }

  /** Records wait that the array could not take: exchange again without waiting. */
  get hasMore(): boolean {
    return this.#spilled.length > 0
  }

  /** Empties the array and takes in what waited, before new records are added. */
  begin(): void {
    this.#length = 0
    let taken = 0
    for (const record of this.#spilled) {
      if (this.#length + record.length > this.array.length) break
      this.array.set(record, this.#length)
      this.#length += record.length
      this.#spilledDoubles -= record.length
      taken += 1
    }
    this.#spilled.splice(0, taken)
  }

  /** Doubles of the array to hand over. */
  get length(): number {
    assert(this.#at === this.#end, 'records are written whole', { missing: this.#end - this.#at })
    return this.#length
  }

  /** Opens a record of `size` doubles; `put` must be called for each after the first two. */
  open(kind: number, group: number, size: number): void {
    assert(this.#at === this.#end, 'records are written whole', { missing: this.#end - this.#at, kind })
    assert(size <= this.array.length, 'a record fits the commands array', { kind, size })
    if (this.hasMore || this.#length + size > this.array.length) {
      this.#spilledDoubles += size
      assert(this.#spilledDoubles <= SPILLED_DOUBLES_MAX, 'commands that wait are bounded', { doubles: this.#spilledDoubles })
      this.#target = new Float64Array(size)
      this.#spilled.push(this.#target)
      this.#at = 0
    } else {
      this.#target = this.array
      this.#at = this.#length
      this.#length += size
    }
    this.#end = this.#at + size
    this.put(kind)
    this.put(group)
  }

  /** Writes the next double of the open record. */
  put(value: number): void {
    assert(this.#at < this.#end, 'record has room')
    this.#target[this.#at] = value
    this.#at += 1
  }
}
