// Strings and byte arrays into buffers and back. Knows no formats.
// A string is its UTF-8 bytes. A lone surrogate becomes U+FFFD, so such strings do not survive a round trip; nor do
// bytes that are not valid UTF-8 when they are read as a string (`as: 'bytes'` reads them unchanged).
import { types } from 'node:util'
import { RafterError } from '../../errors.js'
import type { Bytes } from '../api.js'
import { describe } from '../text/describe.js'

/** Above this many UTF-16 units the exact size is computed; below, three bytes a unit are set aside. */
const EXACT_FROM_UNITS = 2048
/** Up to this many units a loop beats a call into the runtime. */
const LOOP_UNITS_MAX = 32

/** A Uint8Array, of whatever realm: those of a `vm` context or of jest are no instances of this one's class. */
export function isBytes(value: unknown): value is Uint8Array {
  return types.isUint8Array(value)
}

/** Bytes that `bytes` needs at most. INVALID_ARGUMENT if it is neither a string nor a Uint8Array. */
export function bytesRoom(bytes: Bytes, what: string): number {
  if (typeof bytes === 'string') {
    return bytes.length > EXACT_FROM_UNITS ? Buffer.byteLength(bytes) : bytes.length * 3
  }
  if (isBytes(bytes)) return bytes.byteLength
  throw new RafterError('INVALID_ARGUMENT', `${what} must be a string or a Uint8Array, not ${describe(bytes)}`)
}

/** Writes `bytes` at `at`; the caller made room. Returns how many bytes it took. */
export function writeBytes(target: Buffer, at: number, bytes: Bytes): number {
  if (typeof bytes !== 'string') {
    target.set(bytes, at)
    return bytes.byteLength
  }
  const units = bytes.length
  if (units > LOOP_UNITS_MAX) return target.write(bytes, at)
  for (let i = 0; i < units; i++) {
    const unit = bytes.charCodeAt(i)
    if (unit >= 0x80) return target.write(bytes, at)
    target[at + i] = unit
  }
  return units
}

/** A copy of the bytes, which the caller may change later; a string is encoded. INVALID_ARGUMENT as above. */
export function toBytes(bytes: Bytes, what: string): Uint8Array {
  bytesRoom(bytes, what)
  return typeof bytes === 'string' ? Buffer.from(bytes) : new Uint8Array(bytes)
}
