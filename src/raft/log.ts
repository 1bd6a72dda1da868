// The log as the core sees it: which term each index has, as runs of equal terms. Holds no entries and no durability.
import { assert } from './assert.js'

/** Indexes after (baseIndex, baseTerm), the last entry that was cut off or came in a snapshot, up to lastIndex. */
export class Log {
  /** Everything up to here is committed, applied and persisted by the store. */
  baseIndex = 0
  baseTerm = 0
  /** Always ≥ baseIndex. */
  lastIndex = 0
  /** First index of each run, ascending; the first is baseIndex + 1. Terms ascend strictly. */
  readonly #firsts: number[] = []
  readonly #terms: number[] = []

  get lastTerm(): number {
    return this.#terms.at(-1) ?? this.baseTerm
  }

  /** Runs of (first index, term) after the base, for tests and tools. */
  get runs(): readonly (readonly [number, number])[] {
    return this.#firsts.map((first, i) => [first, this.#terms[i] as number] as const)
  }

  /** The term at index, which must be between baseIndex and lastIndex. */
  term(index: number): number {
    assert(index >= this.baseIndex && index <= this.lastIndex, 'index in the log', {
      index,
      baseIndex: this.baseIndex,
      lastIndex: this.lastIndex,
    })
    return this.#termOfRun(this.#runOf(index))
  }

  /** Whether the entry at index, at or after the base, has this term. */
  has(index: number, term: number): boolean {
    return index >= this.baseIndex && index <= this.lastIndex && this.term(index) === term
  }

  /** Whether all entries from ≤ i < to, at or after the base, have this term. */
  hasRun(from: number, to: number, term: number): boolean {
    return this.has(from, term) && this.has(to - 1, term)
  }

  /** Adds count entries of a term. */
  append(term: number, count: number): void {
    assert(term >= this.lastTerm && term > 0 && count > 0, 'terms of the log ascend', { term, lastTerm: this.lastTerm, count })
    if (this.#terms.at(-1) !== term) {
      this.#firsts.push(this.lastIndex + 1)
      this.#terms.push(term)
    }
    this.lastIndex += count
    assert(this.lastIndex <= Number.MAX_SAFE_INTEGER, 'indexes stay below 2^53', { lastIndex: this.lastIndex })
  }

  /** Removes the entries from index on. */
  truncate(index: number): void {
    assert(index > this.baseIndex && index <= this.lastIndex, 'truncation inside the log', { index, baseIndex: this.baseIndex })
    while (this.#firsts.length > 0 && (this.#firsts.at(-1) as number) >= index) {
      this.#firsts.pop()
      this.#terms.pop()
    }
    this.lastIndex = index - 1
  }

  /** Forgets the entries up to and including index; they are in the store. */
  cut(index: number): void {
    assert(index >= this.baseIndex && index <= this.lastIndex, 'cut inside the log', { index, baseIndex: this.baseIndex })
    const run = this.#runOf(index)
    const term = this.#termOfRun(run)
    const kept = index === this.lastIndex ? this.#firsts.length : run + (this.#firsts[run + 1] === index + 1 ? 1 : 0)
    this.#firsts.splice(0, Math.max(kept, 0))
    this.#terms.splice(0, Math.max(kept, 0))
    if (this.#firsts.length > 0) this.#firsts[0] = index + 1
    this.baseIndex = index
    this.baseTerm = term
  }

  /** Starts anew after a snapshot: what the log held is gone. */
  reset(index: number, term: number): void {
    this.#firsts.length = 0
    this.#terms.length = 0
    this.baseIndex = index
    this.baseTerm = term
    this.lastIndex = index
  }

  /**
   * The largest index ≤ `index` whose term is ≤ `term`, or the base. A log that conflicts with another at `index`
   * can equal it at most up to there, so each exchange of such hints skips a whole term.
   */
  lastWithin(index: number, term: number): number {
    let at = Math.min(index, this.lastIndex)
    let run = this.#runOf(Math.max(at, this.baseIndex))
    while (run >= 0 && (this.#terms[run] as number) > term) {
      at = (this.#firsts[run] as number) - 1
      run -= 1
    }
    return Math.max(at, this.baseIndex)
  }

  /** How many of `count` entries of `term` from `first` on the log already has, starting with the first of them. */
  overlap(first: number, term: number, count: number): number {
    if (first > this.lastIndex || this.term(first) !== term) return 0
    const run = this.#runOf(first)
    const runEnd = this.#firsts[run + 1] ?? this.lastIndex + 1
    return Math.min(count, runEnd - first)
  }

  /** Position of the run that holds index; -1 for the base. */
  #runOf(index: number): number {
    let low = 0
    let high = this.#firsts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#firsts[middle] as number) <= index) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #termOfRun(run: number): number {
    return run < 0 ? this.baseTerm : (this.#terms[run] as number)
  }
}
