// What a member's disk held when a group was opened, and the log that follows from it. Decides nothing about what to do with either.
import { assert } from './assert.js'
import type { ConfigurationEntry } from './configuration.js'
import { Log } from './log.js'

/** What the disk held when the group was opened; see OPENED in crates/codec/FORMATS.md. */
export interface Opened {
  term: number
  vote: number
  commit: number
  snapshotIndex: number
  snapshotTerm: number
  lastIndex: number
  applied: number
  /** The data directory is new, or may lack what was acknowledged: a first start, or something was lost. */
  recovering: boolean
  /** Flat pairs of (first index, term). */
  runs: readonly number[]
  /** The configuration that the store has, and those that the log has after it, ascending; default: the group's first one. */
  configurations?: readonly ConfigurationEntry[]
}

/** The log that these term runs describe. */
export function logOf({ snapshotIndex, snapshotTerm, lastIndex, runs }: Opened): Log {
  const log = new Log()
  log.reset(snapshotIndex, snapshotTerm)
  for (let i = 0; i < runs.length; i += 2) {
    assert(runs[i] === log.lastIndex + 1, 'term runs follow each other', { at: i, lastIndex: log.lastIndex })
    const end = runs[i + 2] ?? lastIndex + 1
    log.append(runs[i + 1] as number, end - log.lastIndex - 1)
  }
  assert(log.lastIndex === lastIndex, 'term runs reach the last index', { lastIndex, found: log.lastIndex })
  return log
}
