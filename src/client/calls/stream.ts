// What the dispatcher needs of a watch: how to open it where it has come to, and where to put what arrives.
import type { RafterError } from '../../errors.js'
import type { Slabs } from '../buffers/slab.js'
import type { Result } from '../wire/results.js'
import type { Request } from './request.js'

export interface Stream {
  /** It has not begun, and is to begin when it was called. */
  readonly fromNow: boolean
  /** Encodes the request that opens it, to go on where it has come to. */
  open(id: number, slabs: Slabs): Request
  /** A response of it; `result` is a cursor whose body is the response's. */
  deliver(result: Result): void
  /** It will not be opened again. */
  ended(error: RafterError): void
}
