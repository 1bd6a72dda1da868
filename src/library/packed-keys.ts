// Many keys in one buffer, as the batch functions take them.
import { types } from 'node:util'

/** Keys one after the other: key `i` is `buffer[offsets[i]]` up to `buffer[offsets[i + 1]]`. */
export interface PackedKeys {
  buffer: Uint8Array
  /** One more than there are keys; the first is 0. */
  offsets: Uint32Array
}

/** Bytes of all keys together, at most: offsets are 32 bits. */
export const PACKED_BYTES_MAX = 2 ** 32 - 1

/** Above this, the runtime's own conversion is faster than a loop. */
const ASCII_LOOP_LENGTH_MAX = 24

/** Room for a string's bytes in UTF-8, whatever is in it: at most three for each unit of UTF-16. */
const roomFor = (key: string | Uint8Array) => (typeof key === 'string' ? key.length * 3 : key.byteLength)

/** Lays keys one after the other; strings as UTF-8. Throws TypeError for a key of another type, RangeError above 4 GiB in all. */
export function packKeys(keys: readonly (string | Uint8Array)[]): PackedKeys {
  const offsets = new Uint32Array(keys.length + 1)
  let buffer: Buffer = Buffer.allocUnsafe(Math.min(keys.length * 32 + 64, PACKED_BYTES_MAX))
  let at = 0
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string | Uint8Array
    if (typeof key !== 'string' && !types.isUint8Array(key)) {
      throw new TypeError(`key ${i} must be a string or Uint8Array, not ${key === null ? 'null' : typeof key}`)
    }
    const room = roomFor(key)
    if (at + room > buffer.length) buffer = grown(buffer, at, at + room)
    if (typeof key === 'string') at += encode(key, buffer, at)
    else {
      buffer.set(key, at)
      at += key.byteLength
    }
    offsets[i + 1] = at
  }
  return { buffer: buffer.subarray(0, at), offsets }
}

/** Short strings of ASCII are written faster here than by a call of the runtime. Returns the bytes. */
function encode(key: string, buffer: Buffer, at: number): number {
  const { length } = key
  if (length > ASCII_LOOP_LENGTH_MAX) return buffer.write(key, at)
  for (let i = 0; i < length; i++) {
    const unit = key.charCodeAt(i)
    if (unit > 0x7f) return buffer.write(key, at)
    buffer[at + i] = unit
  }
  return length
}

function grown(buffer: Buffer, used: number, needed: number): Buffer {
  if (needed > PACKED_BYTES_MAX) throw new RangeError('the keys together are longer than 4 GiB; pack fewer at a time')
  const larger = Buffer.allocUnsafe(Math.min(Math.max(needed, buffer.length * 2), PACKED_BYTES_MAX))
  buffer.copy(larger, 0, 0, used)
  return larger
}
