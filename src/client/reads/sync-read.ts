// getSync: one key read on the caller's thread through the port of the member in this process. Reuses its memory.
import { limits } from '../../limits.js'
import type { Bytes } from '../api.js'
import type { KeyReader, Port } from '../connection/port.js'
import { bytesRoom, writeBytes } from '../wire/bytes.js'
import { copyOut } from '../wire/copy-out.js'
import { writeU64 } from '../wire/integers.js'
import { ConsistencyKind } from '../wire/request-kinds.js'
import { PAIR_HEADER_BYTES, RESULT_HEADER_BYTES, ResponseBuffer, Result } from '../wire/results.js'
import { checkKeyLength } from '../wire/span.js'

const REQUEST_HEADER_BYTES = 16
/** Strings of more bytes are too long a key anyway. */
const KEY_ROOM_BYTES = 3 * limits.keyBytesMax
const REQUEST_BYTES = REQUEST_HEADER_BYTES + KEY_ROOM_BYTES
/** Where a result says how many pairs it has, and where its pair's key begins. */
const PAIRS_AT = RESULT_HEADER_BYTES + 8
const KEY_AT = RESULT_HEADER_BYTES + 12 + PAIR_HEADER_BYTES
/** Bytes for results at first; they grow for a larger one. */
const RESULT_BYTES = 16_384

export class SyncReader {
  #resultBytes = RESULT_BYTES
  /** Results, and behind them the request. */
  #memory = Buffer.allocUnsafeSlow(RESULT_BYTES + REQUEST_BYTES)
  #buffer = new ResponseBuffer(this.#memory)
  #reader: KeyReader

  constructor(readonly open: NonNullable<Port['openReader']>) {
    this.#reader = open(this.#memory, RESULT_BYTES)
  }

  /** No key is read any more. */
  close(): void {
    this.#reader.close()
  }

  /** The value, or null (`maxStaleness` in ms, for BOUNDED). KEY_EMPTY, KEY_TOO_LARGE, NO_LEASE, STALE and what else the member says. */
  get(key: Bytes, consistency: number, maxStaleness: number, bytes: boolean): string | Uint8Array | null {
    const room = bytesRoom(key, 'key')
    if (room > KEY_ROOM_BYTES) checkKeyLength(room, 'key')
    const requestAt = this.#resultBytes
    const keyLength = writeBytes(this.#memory, requestAt + REQUEST_HEADER_BYTES, key)
    if (keyLength === 0 || keyLength > limits.keyBytesMax) checkKeyLength(keyLength, 'key')
    this.#buffer.view.setUint32(requestAt, consistency, true)
    this.#buffer.view.setUint32(requestAt + 4, keyLength, true)
    if (consistency === ConsistencyKind.BOUNDED) writeU64(this.#buffer.view, requestAt + 8, maxStaleness)
    let written = this.#reader.read()
    while (written < 0) {
      this.#grow(-written, REQUEST_HEADER_BYTES + keyLength)
      written = this.#reader.read()
    }
    const { view } = this.#buffer
    if (view.getUint16(0, true) !== 0) this.#fail()
    if (view.getUint32(PAIRS_AT, true) === 0) return null
    // The pair's key is the one that was asked for, and its value ends the result.
    const valueAt = KEY_AT + keyLength
    return bytes ? copyOut(this.#buffer.plain, valueAt, written) : this.#memory.toString('utf8', valueAt, written)
  }

  #fail(): never {
    const result = new Result(this.#buffer)
    result.read(0)
    throw result.error('getSync')
  }

  /** Makes room for a result of so many bytes; the first `length` bytes of the request stay. */
  #grow(resultBytes: number, length: number): void {
    this.#reader.close()
    const memory = Buffer.allocUnsafeSlow(resultBytes + REQUEST_BYTES)
    this.#memory.copy(memory, resultBytes, this.#resultBytes, this.#resultBytes + length)
    this.#resultBytes = resultBytes
    this.#memory = memory
    this.#buffer = new ResponseBuffer(memory)
    this.#reader = this.open(memory, resultBytes)
  }
}
