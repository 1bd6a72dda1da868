// One member's copy of one group's log, with real entries: once in memory, once as it is on disk.
import { limits } from '../../src/limits.js'
import type { Operation } from './session-store.js'

/** An entry; the same object in every log that holds it. */
export interface Entry {
  readonly term: number
  /** What it writes: unique among proposals; a no-op is negative. */
  readonly value: number
  readonly bytes: number
  /** Who the members are from here on: flat pairs of (id, part); absent in other entries. */
  readonly parts?: readonly number[]
  /** What a client with a session does. */
  readonly operation?: Operation | undefined
}

/** The last configuration that something holds, and where it stands. */
export interface Configured {
  readonly index: number
  readonly term: number
  readonly parts: readonly number[]
}

/** Entries after the base, and the hard state. */
export class MemberLog {
  baseIndex = 0
  baseTerm = 0
  term = 0
  vote = 0
  commit = 0
  /** The data directory is marked as new. */
  recovering: boolean
  entries: Entry[] = []
  /** Of its entries. */
  bytes = 0
  /** The configurations among its entries. */
  configurations: Configured[] = []

  constructor(recovering = false) {
    this.recovering = recovering
  }

  get lastIndex(): number {
    return this.baseIndex + this.entries.length
  }

  /** The entry at index, which must be after the base and not after the last. */
  entry(index: number): Entry {
    const entry = this.entries[index - this.baseIndex - 1]
    if (entry === undefined) throw new Error(`no entry ${index} in (${this.baseIndex}, ${this.lastIndex}]`)
    return entry
  }

  /** Whether index holds this very entry, or was cut off, so that the store holds it. */
  holds(index: number, entry: Entry): boolean {
    return index <= this.baseIndex || (index <= this.lastIndex && this.entry(index) === entry)
  }

  /** The term at index; undefined if the log does not say. */
  termAt(index: number): number | undefined {
    if (index === this.baseIndex) return this.baseTerm
    return this.entries[index - this.baseIndex - 1]?.term
  }

  /** Writes entries at `first`, cutting what was there. */
  write(first: number, entries: readonly Entry[]): void {
    const at = first - this.baseIndex - 1
    if (at < 0 || at > this.entries.length)
      throw new Error(`write at ${first} outside (${this.baseIndex}, ${this.lastIndex + 1}]`)
    for (let i = at; i < this.entries.length; i += 1) this.bytes -= this.entries[i]!.bytes
    this.entries.length = at
    while ((this.configurations.at(-1)?.index ?? 0) >= first) this.configurations.pop()
    for (const entry of entries) {
      this.entries.push(entry)
      this.bytes += entry.bytes
      const { term, parts } = entry
      if (parts !== undefined) this.configurations.push({ index: this.lastIndex, term, parts })
    }
  }

  /** Forgets entries up to index. */
  cut(index: number): void {
    if (index <= this.baseIndex) return
    const term = this.termAt(index)
    if (term === undefined) throw new Error(`cut at ${index} outside (${this.baseIndex}, ${this.lastIndex}]`)
    for (const { bytes } of this.entries.splice(0, index - this.baseIndex)) this.bytes -= bytes
    this.baseIndex = index
    this.baseTerm = term
    while ((this.configurations[0]?.index ?? index + 1) <= index) this.configurations.shift()
  }

  /** Begins again after an entry: what it held is gone. */
  reset(index: number, term: number): void {
    this.entries = []
    this.bytes = 0
    this.configurations = []
    this.baseIndex = index
    this.baseTerm = term
  }

  /** It is whole. */
  recovered(): void {
    this.recovering = false
  }

  /** Begins again after a store that is ahead, also of its term. */
  follow(index: number, term: number): void {
    this.reset(index, term)
    if (this.term < term) this.vote = 0
    this.term = Math.max(this.term, term)
  }

  /** A copy that shares the entries. */
  copy(): MemberLog {
    const copy = new MemberLog()
    Object.assign(copy, this, { entries: this.entries.slice(), configurations: this.configurations.slice() })
    return copy
  }

  /** Flat (first index, term) of the runs of equal terms. */
  runs(): number[] {
    const runs: number[] = []
    this.entries.forEach((entry, i) => {
      if (entry.term !== runs.at(-1)) runs.push(this.baseIndex + 1 + i, entry.term)
    })
    return runs
  }
}

/** Flat (term, count) of the runs of equal terms, as messages carry them. */
export function countRuns(entries: readonly Entry[]): number[] {
  const runs: number[] = []
  for (const entry of entries) {
    if (entry.term === runs.at(-2)) runs[runs.length - 1]! += 1
    else runs.push(entry.term, 1)
  }
  return runs
}

/** How far a log is on disk, without what was cut in memory since: the same index and term may have been written again, not durably. */
export function durableIndex(log: MemberLog, disk: MemberLog): number {
  let index = Math.min(disk.lastIndex, log.lastIndex)
  while (index > disk.baseIndex && index > log.baseIndex && disk.entry(index) !== log.entry(index)) index -= 1
  return index
}

const NO_ENTRIES: readonly Entry[] = []

/** The entries of a message, clipped to appendBytesMax and appendRunsMax; one entry goes whole. */
export function entriesToSend(log: MemberLog, first: number, end: number): readonly Entry[] {
  if (first >= end) return NO_ENTRIES
  const entries: Entry[] = []
  let bytes = 0
  let runs = 0
  for (let index = first; index < end; index += 1) {
    const entry = log.entry(index)
    bytes += entry.bytes
    if (entry.term !== entries.at(-1)?.term) runs += 1
    if (entries.length > 0 && (bytes > limits.appendBytesMax || runs > limits.appendRunsMax)) break
    entries.push(entry)
  }
  return entries
}
