// Linearizability of reads: an answer contains every write that was acknowledged, and is no older than any answer that was
// given, before the read began. Writes are linearizable when their entries are: in the order of their indexes.
import { type Checker, Violation } from '../checker.js'

export class FreshReads implements Checker {
  readonly property = 'fresh reads'
  readonly #floors: number[] = []

  /** What a read that begins now must contain: an index of the log. */
  readFloor(group: number): number {
    return this.#floors[group] ?? 0
  }

  onAcknowledged(group: number, index: number): void {
    this.#raise(group, index)
  }

  onRead(group: number, index: number, floor: number): void {
    if (index < floor)
      throw new Violation(this.property, `a read of group ${group} was answered at ${index}, after ${floor} was known`)
    this.#raise(group, index)
  }

  #raise(group: number, index: number): void {
    this.#floors[group] = Math.max(this.readFloor(group), index)
  }
}
