// The bytes of a transaction while it is encoded: nobody knows before how many there will be. Knows no operations.
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import { WRITE_HEADER_BYTES } from '../wire/header.js'
import type { Target } from '../wire/operations.js'

/** Bytes of a transaction whose request is as large as one may be. */
const TXN_BYTES_MAX = limits.requestBytesMax - WRITE_HEADER_BYTES

/** A buffer that grows. */
export class GrowingBuffer implements Target {
  bytes: Buffer = Buffer.allocUnsafeSlow(1024)
  view = new DataView(this.bytes.buffer)
  length = 0

  /** Makes room for `more` bytes after `length`. REQUEST_TOO_LARGE. */
  room(more: number): number {
    const needed = this.length + more
    if (needed > TXN_BYTES_MAX) {
      throw new RafterError('REQUEST_TOO_LARGE', `the transaction has more than ${TXN_BYTES_MAX} bytes; split it`)
    }
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length))
      this.bytes.copy(larger, 0, 0, this.length)
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    return this.length
  }
}
