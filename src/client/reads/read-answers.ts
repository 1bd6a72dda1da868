// What every read has in common: how its answer is decoded. Checks no options and sends nothing.
import type { As, Pair } from '../api.js'
import { askAgain, type Decode } from '../calls/call.js'
import { readU64 } from '../wire/integers.js'
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

/** One page of a range. */
export interface Page<A extends As> {
  pairs: Pair<A>[]
  /** Key of the last pair. */
  last: Uint8Array | null
  more: boolean
  revision: number
}

/** Where the only pair of a result is; 0: there is none. */
function onlyPair(result: Result): number {
  return result.buffer.view.getUint32(result.start + 8, true) === 0 ? 0 : result.start + 12
}

export const decodeText: Decode = (result) => {
  const at = onlyPair(result)
  if (at !== 0) return readTextValue(result.buffer, at)
  return isCutOff(result) ? askAgain : null
}

export const decodeBytes: Decode = (result) => {
  const at = onlyPair(result)
  if (at !== 0) return readBytesValue(result.buffer, at)
  return isCutOff(result) ? askAgain : null
}

export const decodePair: Decode = (result) => {
  const at = onlyPair(result)
  if (at !== 0) return readPair(result.buffer, at, 'string')
  return isCutOff(result) ? askAgain : null
}

export const decodeBytesPair: Decode = (result) => {
  const at = onlyPair(result)
  if (at !== 0) return readPair(result.buffer, at, 'bytes')
  return isCutOff(result) ? askAgain : null
}

export const decodeCount: Decode = (result) => (isCutOff(result) ? askAgain : readU64(result.buffer.view, result.start))

/** Decodes a page of a range. */
export function pageDecoder(as: As): Decode {
  return (result) => {
    if (isCutOff(result)) return askAgain
    const { buffer, start } = result
    const count = buffer.view.getUint32(start + 8, true)
    const pairs = readPairs(buffer, start + 12, count, as)
    const more = (result.flags & RANGE_MORE) !== 0
    return { pairs, last: count === 0 ? null : lastKey(result, count), more, revision: result.revision }
  }
}

function lastKey({ buffer, start }: Result, count: number): Uint8Array {
  let at = start + 12
  for (let i = 1; i < count; i++) at += pairBytes(buffer.view, at)
  return readPairKey(buffer, at)
}
