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

/** How one page of a range ends. */
export interface PageEnd {
  /** How many pairs it has. */
  count: number
  /** Key of the last pair. */
  last: Uint8Array | null
  more: boolean
  revision: number
}

/** One page of a range. */
export interface Page<A extends As> extends PageEnd {
  pairs: Pair<A>[]
}

/** The same as it came. */
export interface RawPage extends PageEnd {
  /** Its pairs, one after the other (FORMATS.md, Results). */
  raw: Uint8Array
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
    return { pairs, ...endOf(result, count) }
  }
}

/** Decodes a page without a look at what is in it. */
export const decodeRawPage: Decode = (result) => {
  if (isCutOff(result)) return askAgain
  const { buffer, start, end } = result
  return { raw: buffer.plain.slice(start + 12, end), ...endOf(result, buffer.view.getUint32(start + 8, true)) }
}

function endOf(result: Result, count: number): PageEnd {
  const more = (result.flags & RANGE_MORE) !== 0
  return { count, last: count === 0 ? null : lastKey(result, count), more, revision: result.revision }
}

function lastKey({ buffer, start }: Result, count: number): Uint8Array {
  let at = start + 12
  for (let i = 1; i < count; i++) at += pairBytes(buffer.view, at)
  return readPairKey(buffer, at)
}
