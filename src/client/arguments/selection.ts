// Which keys a call is about: from what the caller says to the (key, end) pair of FORMATS.md. Sends nothing.
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import { unknownName } from '../../nearest.js'
import type { Bytes, Selection } from '../api.js'
import { bytesRoom, describe, toBytes } from '../wire/bytes.js'

/** A range as it goes over the wire: end empty: one key; end `\0`: no upper bound. */
export interface Span {
  key: Uint8Array
  end: Uint8Array
}

const NONE = new Uint8Array(0)
const ZERO = new Uint8Array([0])
const SELECTION_NAMES = ['prefix', 'from', 'to']

/** Every key. */
export const everything: Span = { key: ZERO, end: ZERO }

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

/** What is left of an ascending span after `last`. */
export function spanAfter(span: Span, last: Uint8Array): Span {
  const key = new Uint8Array(last.length + 1)
  key.set(last)
  return { key, end: span.end }
}

/** What is left of a descending span below `last`; null: nothing. An end of `\0` would mean no bound. */
export function spanBefore(span: Span, last: Uint8Array): Span | null {
  if (Buffer.compare(last, span.key) <= 0 || Buffer.compare(last, ZERO) <= 0) return null
  return { key: span.key, end: last }
}

/** The first key above every key that begins with `prefix`. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return ZERO
  const end = new Uint8Array(prefix.subarray(0, length))
  end[length - 1] = (end[length - 1] ?? 0) + 1
  return end
}

/**
 * INVALID_ARGUMENT for what is no object of options (an array, a Map, an ArrayBuffer: they say nothing by name), and for a name that is
 * not known: a misspelt `prefix` would select everything.
 */
export function checkNames(options: object, names: readonly string[]): void {
  if (Object.prototype.toString.call(options) !== '[object Object]') {
    throw new RafterError('INVALID_ARGUMENT', `options must be an object, not ${describe(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw new RafterError('INVALID_ARGUMENT', unknownName('option', name, names))
  }
}

/** KEY_EMPTY or KEY_TOO_LARGE. */
export function checkKeyLength(length: number, what: string): void {
  if (length === 0) throw new RafterError('KEY_EMPTY', `${what} is empty; a key needs at least one byte`)
  if (length > limits.keyBytesMax) {
    throw new RafterError('KEY_TOO_LARGE', `${what} has ${length} bytes; the limit is ${limits.keyBytesMax}`)
  }
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
