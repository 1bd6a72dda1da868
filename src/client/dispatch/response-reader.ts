// From the bytes that a port delivers to single responses. Knows no requests.
import { acquireBuffer, releaseBuffer } from '../buffers/spare-buffers.js'
import type { Port } from '../connection/port.js'
import { HEADER_BYTES } from '../wire/header.js'
import { readU64 } from '../wire/integers.js'
import { ResponseBuffer, Result } from '../wire/results.js'

export class ResponseReader {
  /** What responses are drained into; it grows for a larger response. */
  #buffer = new ResponseBuffer(acquireBuffer())
  #result = new Result(this.#buffer)

  /** `receive` gets each response with the id of its request; `result` is a cursor, which moves on when it returns. */
  constructor(readonly receive: (id: number, result: Result) => void) {}

  /** Drains `port` once; false if nothing waited. */
  readFrom(port: Port): boolean {
    const length = port.drain(this.#buffer.bytes)
    if (length === 0) return false
    if (length < 0) this.#replaceBuffer(-length)
    else this.#read(length)
    return true
  }

  /** Nothing is drained any more. */
  releaseBuffers(): void {
    this.#replaceBuffer(0)
  }

  #read(length: number): void {
    const { view } = this.#buffer
    const result = this.#result
    for (let at = 0; at < length; ) {
      const start = at + HEADER_BYTES
      const end = start + view.getUint32(at, true)
      const word = view.getUint32(at + 4, true)
      const id = readU64(view, at + 8)
      result.code = word >>> 16
      result.flags = (word >>> 8) & 0xff
      result.start = start
      result.end = end
      at = end
      this.receive(id, result)
    }
  }

  #replaceBuffer(bytes: number): void {
    releaseBuffer(this.#buffer.bytes)
    this.#buffer = new ResponseBuffer(Buffer.allocUnsafeSlow(bytes))
    this.#result = new Result(this.#buffer)
  }
}
