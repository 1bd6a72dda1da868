// A range of keys as it goes over the wire, what is left of one that is read page by page, and how long a key may be.
// Knows no words of callers.
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'

/** A range as it goes over the wire: end empty: one key; end `\0`: no upper bound. */
export interface Span {
  key: Uint8Array
  end: Uint8Array
}

const ZERO = new Uint8Array([0])

/** Every key. */
export const everything: Span = { key: ZERO, end: ZERO }

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

/** KEY_EMPTY or KEY_TOO_LARGE. */
export function checkKeyLength(length: number, what: string): void {
  if (length === 0) throw new RafterError('KEY_EMPTY', `${what} is empty; a key needs at least one byte`)
  if (length > limits.keyBytesMax) {
    throw new RafterError('KEY_TOO_LARGE', `${what} has ${length} bytes; the limit is ${limits.keyBytesMax}`)
  }
}
