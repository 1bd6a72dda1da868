// How much of the log may go: the store holds it, and followers can use what is kept.
import { limits } from '../limits.js'
import type { Log } from './log.js'

/** For followers that answer and still need it, the log may grow to this multiple of what is kept for those that lag. */
const HELD_RETAIN_FACTOR = 8

/** It may always grow to this, bytes: less is under way before a follower that keeps up has answered. */
const HELD_BYTES_MIN = 4 * limits.inflightBytesMax

/** A follower that was sent a snapshot may be silent for this many election timeouts before its entries go. */
export const HELD_TIMEOUTS = 10

/**
 * Bytes of log after which entries go that a follower needs which answers, or is being restored. It then gets a snapshot, or
 * one more; if a snapshot takes longer than it takes to write so much, `logRetainBytes` is too small for the store.
 */
export function heldBytesMax(retainBytes: number): number {
  return Math.max(HELD_BYTES_MIN, HELD_RETAIN_FACTOR * retainBytes)
}

/**
 * The index up to which the log may be cut, or its base if nothing should go. Entries count as equally long.
 * `persisted`: what the store holds. `logBytes`: of the member's whole log since this group's first entry, so that a group that
 * writes little lets go of what is old. `needed`: followers need what is after it; ∞: none does.
 */
export function cutIndex(log: Log, persisted: number, logBytes: number, retainBytes: number, needed: number): number {
  const unwanted = excess(log, logBytes, retainBytes)
  const tooMuch = excess(log, logBytes, heldBytesMax(retainBytes))
  return Math.max(log.baseIndex, Math.min(persisted, unwanted, Math.max(needed, tooMuch)))
}

/** What has to go up to so that `keptBytes` remain. */
function excess(log: Log, logBytes: number, keptBytes: number): number {
  if (logBytes <= keptBytes || log.lastIndex === log.baseIndex) return log.baseIndex
  // One at least: a group's only entry may hold up the log of all others.
  return log.baseIndex + Math.max(1, Math.floor((log.lastIndex - log.baseIndex) * (1 - keptBytes / logBytes)))
}
