// How much history is kept: what `open({ history })` may say, and up to which revision it may be compacted now.
// Pure: time comes as a number. Knows no member and no clock.
import { RafterError } from '../../errors.js'
import type { HistoryOptions } from '../api.js'

/** History that is older than any of the bounds allows may go. Infinity: that bound is none. */
export interface Keep {
  ageMs: number
  revisions: number
}

/** What `open` keeps unless told otherwise. */
export const KEEP_DEFAULT: Keep = { ageMs: 3_600_000, revisions: 5_000_000 }

/** Samples of the revision within the age that is kept: how finely it is known what is that old. */
const SAMPLES = 60

/**
 * A compaction reads only what it drops, but has the store flushed: so it waits until it drops a part of what is kept. That is then
 * at most a tenth more than the bounds say, while there are writes.
 */
const DROPPED_PART_MIN = 0.1

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The bounds that an option stands for. INVALID_ARGUMENT. */
export function keepOf(history: HistoryOptions | undefined): Keep {
  if (history === undefined) return KEEP_DEFAULT
  const { keep = 'default', ...rest } = typeof history === 'object' && history !== null ? history : { keep: null }
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined) throw invalid(`history has no option ${unknown}; it has keep`)
  if (keep === 'default') return KEEP_DEFAULT
  const bounds: Keep = { ageMs: Number.POSITIVE_INFINITY, revisions: Number.POSITIVE_INFINITY }
  if (keep === 'all') return bounds
  const given: unknown[] = Array.isArray(keep) ? keep : [keep]
  if (given.length === 0) throw invalid(`history.keep is ${WHAT}; got an empty list`)
  for (const bound of given) {
    const age = typeof bound === 'string' ? ageOf(bound) : null
    if (age !== null) bounds.ageMs = Math.min(bounds.ageMs, age)
    else if (typeof bound === 'number' && Number.isSafeInteger(bound) && bound > 0)
      bounds.revisions = Math.min(bounds.revisions, bound)
    else throw invalid(`history.keep is ${WHAT}; got ${JSON.stringify(bound) ?? String(bound)}`)
  }
  return bounds
}

const WHAT = "a time such as '1h', a number of revisions from 1, a list of both, or 'all'"

/** Milliseconds of `90s`, `1h`, `7d`; null if it is no time. */
function ageOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  const age = match ? Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0) : 0
  return age > 0 && Number.isFinite(age) ? age : null
}

/**
 * Follows the revision of one group over time. It knows the age only of what it saw itself: after a start nothing counts as old
 * until it has been there for as long, so that no change of leader and no restart shortens what is kept.
 */
export class Retention {
  /** Oldest first: at that time the revision was reached already. */
  readonly #samples: { at: number; revision: number }[] = []

  constructor(private readonly keep: Keep) {}

  /**
   * What was seen at `now`, ms. `crowded`: the revision below which there are too many deleted ranges to wait, or 0. Returns the
   * revision to compact to, or 0 for not now.
   */
  next(now: number, revision: number, compacted: number, crowded = 0): number {
    const last = this.#samples.at(-1)
    if (Number.isFinite(this.keep.ageMs) && (last === undefined || this.#isDue(last, now, revision)))
      this.#samples.push({ at: now, revision })
    const to = Math.max(this.#old(now), revision - this.keep.revisions)
    if (crowded > compacted) return Math.max(to, crowded)
    return to > compacted && to - compacted >= (revision - to) * DROPPED_PART_MIN ? to : 0
  }

  #isDue(last: { at: number; revision: number }, now: number, revision: number): boolean {
    // While nothing is written, the first sample of a revision says the most.
    return revision !== last.revision && now - last.at >= this.keep.ageMs / SAMPLES
  }

  /** The newest revision that was reached as long ago as is kept. */
  #old(now: number): number {
    const samples = this.#samples
    while ((samples[1]?.at ?? Number.POSITIVE_INFINITY) <= now - this.keep.ageMs) samples.shift()
    const first = samples[0]
    return first !== undefined && first.at <= now - this.keep.ageMs ? first.revision : 0
  }
}

function invalid(message: string): RafterError {
  return new RafterError('INVALID_ARGUMENT', message)
}
