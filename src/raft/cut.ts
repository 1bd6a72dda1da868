// How much of the log may go: the store holds it, and followers that lag can use what is kept.
import type { Log } from './log.js'

/** While a snapshot is on its way, the log may grow to this multiple, so that the follower can go on from it. */
const SNAPSHOT_RETAIN_FACTOR = 4

/**
 * The index up to which the log may be cut, or its base if nothing should go. Entries count as equally long.
 * `persisted`: what the store holds. `logBytes`: all of the log.
 */
export function cutIndex(log: Log, persisted: number, logBytes: number, retainBytes: number, snapshotUnderWay: boolean): number {
  const retain = retainBytes * (snapshotUnderWay ? SNAPSHOT_RETAIN_FACTOR : 1)
  if (logBytes <= retain) return log.baseIndex
  const excess = Math.floor((log.lastIndex - log.baseIndex) * (1 - retain / logBytes))
  return Math.max(log.baseIndex, Math.min(persisted, log.baseIndex + excess))
}
