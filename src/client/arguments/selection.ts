// Which keys a call is about: from what the caller says to the (key, end) pair of FORMATS.md. Sends nothing.

import { RafterError } from '../../errors.js'
import type { Bytes, Selection } from '../api.js'
import { bytesRoom, toBytes } from '../wire/bytes.js'
import { checkKeyLength, everything, prefixEnd, type Span } from '../wire/span.js'
import { checkNames } from './option-names.js'

const NONE = new Uint8Array(0)
const ZERO = new Uint8Array([0])
const SELECTION_NAMES = ['prefix', 'from', 'to']

/** Whether `of` names one key, or something that is none and is refused as a key; else it is a selection. */
export function isKey(of: Bytes | Selection): of is Bytes {
  return typeof of !== 'object' || of === null || ArrayBuffer.isView(of)
}

/** The one key. */
export function spanOfKey(key: Bytes): Span {
  return { key: checkedKey(key, 'key'), end: NONE }
}

/**
 * The span of a selection; null if no key can be in it. Nothing said, or an empty prefix: every key.
 * Errors: INVALID_ARGUMENT, KEY_EMPTY (`to`), KEY_TOO_LARGE, RANGE_REVERSED.
 */
export function spanOf(selection: Selection, names: readonly string[] = SELECTION_NAMES): Span | null {
  checkNames(selection, names)
  const { prefix, from, to } = selection
  if (prefix !== undefined) {
    if (from !== undefined || to !== undefined) {
      throw new RafterError('INVALID_ARGUMENT', 'prefix cannot be together with from or to; leave one of them out')
    }
    const start = checkedBound(prefix, 'prefix')
    return start.length === 0 ? everything : { key: start, end: prefixEnd(start) }
  }
  const start = from === undefined ? NONE : checkedBound(from, 'from')
  const key = start.length === 0 ? ZERO : start
  if (to === undefined) return { key, end: ZERO }
  const end = checkedBound(to, 'to')
  if (end.length === 0) throw new RafterError('KEY_EMPTY', 'to is empty; leave it out for no upper bound')
  const order = Buffer.compare(start, end)
  if (order > 0) throw new RafterError('RANGE_REVERSED', 'from is above to; exchange them, and set reverse for descending keys')
  return order === 0 || Buffer.compare(key, end) >= 0 ? null : { key, end }
}

/** As `spanOf`, for a call that must not take every key by mistake. */
export function spanOfExplicit(selection: Selection, names?: readonly string[]): Span | null {
  const span = spanOf(selection, names)
  if (selection.prefix === undefined && selection.from === undefined && selection.to === undefined) {
    throw new RafterError('INVALID_ARGUMENT', "this would take every key; say { prefix: '' } if that is meant")
  }
  return span
}

function checkedKey(key: Bytes, what: string): Uint8Array {
  const bytes = toBytes(key, what)
  checkKeyLength(bytes.length, what)
  return bytes
}

function checkedBound(bound: Bytes, what: string): Uint8Array {
  bytesRoom(bound, what)
  const bytes = toBytes(bound, what)
  if (bytes.length > 0) checkKeyLength(bytes.length, what)
  return bytes
}
