// What every read has in common: its options checked, and its answer decoded. Sends nothing.
import { RafterError } from '../../errors.js'
import type { As, Pair, ReadOptions } from '../api.js'
import { askAgain, type Decode } from '../calls/call.js'
import { readU64, shown } from '../wire/bytes.js'
import { Consistency } from '../wire/request-kinds.js'
import {
  isCutOff,
  pairBytes,
  RANGE_MORE,
  type Result,
  readBytesValue,
  readPair,
  readPairKey,
  readPairs,
  readTextValue,
} from '../wire/results.js'

export const READ_OPTIONS = ['signal', 'timeout', 'consistency', 'maxStaleness', 'revision']

/** One page of a range. */
export interface Page<A extends As> {
  pairs: Pair<A>[]
  /** Key of the last pair. */
  last: Uint8Array | null
  more: boolean
  revision: number
}

/** The number of a consistency. INVALID_ARGUMENT. */
export function consistencyOf({ consistency, maxStaleness }: ReadOptions): number {
  if (maxStaleness !== undefined) {
    if (consistency !== undefined) {
      throw new RafterError('INVALID_ARGUMENT', 'maxStaleness excludes consistency; leave one of them out')
    }
    if (!Number.isSafeInteger(maxStaleness) || maxStaleness < 0) {
      throw new RafterError('INVALID_ARGUMENT', `maxStaleness must be a whole number of milliseconds, not ${shown(maxStaleness)}`)
    }
    return Consistency.BOUNDED
  }
  if (consistency === undefined || consistency === 'linearizable') return Consistency.LINEARIZABLE
  if (consistency === 'serializable') return Consistency.SERIALIZABLE
  throw new RafterError('INVALID_ARGUMENT', `consistency must be linearizable or serializable, not ${String(consistency)}`)
}

/** The revision to read at; 0: the current one. INVALID_ARGUMENT. */
export function revisionOf({ revision }: ReadOptions): number {
  if (revision === undefined) return 0
  if (Number.isSafeInteger(revision) && revision > 0) return revision
  throw new RafterError('INVALID_ARGUMENT', `revision must be a whole number from 1, not ${shown(revision)}`)
}

/** INVALID_ARGUMENT for anything but string, bytes and nothing. */
export function checkAs(as: unknown): As {
  if (as === undefined || as === 'string') return 'string'
  if (as === 'bytes') return 'bytes'
  throw new RafterError('INVALID_ARGUMENT', `as must be string or bytes, not ${String(as)}`)
}

/** Where the only pair of a result is; 0: there is none. */
function onlyPair(result: Result): number {
  return result.inbox.view.getUint32(result.start + 8, true) === 0 ? 0 : result.start + 12
}

export const decodeText: Decode = (result) => {
  const at = onlyPair(result)
  if (at !== 0) return readTextValue(result.inbox, at)
  return isCutOff(result) ? askAgain : null
}

export const decodeBytes: Decode = (result) => {
  const at = onlyPair(result)
  if (at !== 0) return readBytesValue(result.inbox, at)
  return isCutOff(result) ? askAgain : null
}

export const decodePair: Decode = (result) => {
  const at = onlyPair(result)
  if (at !== 0) return readPair(result.inbox, at, 'string')
  return isCutOff(result) ? askAgain : null
}

export const decodeBytesPair: Decode = (result) => {
  const at = onlyPair(result)
  if (at !== 0) return readPair(result.inbox, at, 'bytes')
  return isCutOff(result) ? askAgain : null
}

export const decodeCount: Decode = (result) => (isCutOff(result) ? askAgain : readU64(result.inbox.view, result.start))

/** Decodes a page of a range. */
export function pageDecoder(as: As): Decode {
  return (result) => {
    if (isCutOff(result)) return askAgain
    const { inbox, start } = result
    const count = inbox.view.getUint32(start + 8, true)
    const pairs = readPairs(inbox, start + 12, count, as)
    const more = (result.flags & RANGE_MORE) !== 0
    return { pairs, last: count === 0 ? null : lastKey(result, count), more, revision: result.revision }
  }
}

function lastKey({ inbox, start }: Result, count: number): Uint8Array {
  let at = start + 12
  for (let i = 1; i < count; i++) at += pairBytes(inbox.view, at)
  return readPairKey(inbox, at)
}
