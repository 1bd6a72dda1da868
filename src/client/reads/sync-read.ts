// getSync: one key read on the caller's thread through the port of the member in this process. Reuses its two buffers.
import { limits } from '../../limits.js'
import type { Bytes } from '../api.js'
import type { KeyReader, Port } from '../connection/port.js'
import { bytesRoom, writeBytes } from '../wire/bytes.js'
import { ResponseBuffer, Result, readBytesValue, readTextValue } from '../wire/results.js'
import { checkKeyLength } from '../wire/span.js'

const REQUEST_HEADER_BYTES = 8
/** Strings of more bytes are too long a key anyway. */
const KEY_ROOM_BYTES = 3 * limits.keyBytesMax
/** Bytes of the first buffer for results; it grows for a larger one. */
const RESULT_BYTES = 16_384

export class SyncReader {
  readonly #request = Buffer.allocUnsafeSlow(REQUEST_HEADER_BYTES + KEY_ROOM_BYTES)
  readonly #view = new DataView(this.#request.buffer)
  #buffer = new ResponseBuffer(Buffer.allocUnsafeSlow(RESULT_BYTES))
  #result = new Result(this.#buffer)

  #reader: KeyReader

  constructor(readonly open: NonNullable<Port['openReader']>) {
    this.#view.setUint32(0, 0, true)
    this.#reader = open(this.#request, this.#buffer.bytes)
  }

  /** No key is read any more. */
  close(): void {
    this.#reader.close()
  }

  /** The value, or null. KEY_EMPTY, KEY_TOO_LARGE, NO_LEASE and what else the member says. */
  get(key: Bytes, consistency: number, bytes: boolean): string | Uint8Array | null {
    const room = bytesRoom(key, 'key')
    if (room > KEY_ROOM_BYTES) checkKeyLength(room, 'key')
    const keyLength = writeBytes(this.#request, REQUEST_HEADER_BYTES, key)
    if (keyLength === 0 || keyLength > limits.keyBytesMax) checkKeyLength(keyLength, 'key')
    this.#view.setUint8(0, consistency)
    this.#view.setUint32(4, keyLength, true)
    const length = REQUEST_HEADER_BYTES + keyLength
    let written = this.#reader.read(length)
    while (written < 0) {
      this.#grow(-written)
      written = this.#reader.read(length)
    }
    const result = this.#result
    result.read(0)
    if (result.code !== 0) throw result.error('getSync')
    if (this.#buffer.view.getUint32(result.start + 8, true) === 0) return null
    return bytes ? readBytesValue(this.#buffer, result.start + 12) : readTextValue(this.#buffer, result.start + 12)
  }

  #grow(bytes: number): void {
    this.#reader.close()
    this.#buffer = new ResponseBuffer(Buffer.allocUnsafeSlow(bytes))
    this.#result = new Result(this.#buffer)
    this.#reader = this.open(this.#request, this.#buffer.bytes)
  }
}
