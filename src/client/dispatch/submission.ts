// Lays requests one after another for one crossing to the member; copies only those that are not so in memory already.

import { acquireBuffer, BUFFER_BYTES, releaseBuffer } from '../buffers/spare-buffers.js'
import type { Request } from '../calls/request.js'

/** A submission is closed at this many bytes, unless it is one request: the member works on one while the next is encoded. */
const SUBMISSION_BYTES_MAX = BUFFER_BYTES

const NOTHING: Buffer = Buffer.alloc(0)

export class Submission {
  readonly requests: Request[] = []
  length = 0
  #gathered = NOTHING

  clear(): void {
    this.requests.length = 0
    this.length = 0
  }

  /**
   * Moves what fits from the front of `queue`, as long as `allowed`, or with `passing` whatever is; returns the rest. Requests
   * nobody waits for go to `drop`.
   */
  fill(queue: Request[], allowed: (request: Request) => boolean, drop: (request: Request) => void, passing = false): Request[] {
    let passed = 0
    const held: Request[] = []
    for (; passed < queue.length; passed++) {
      const request = queue[passed] as Request
      if (request.waiting === 0) {
        drop(request)
        continue
      }
      request.prune()
      const bytes = request.end - request.start
      if (this.length > 0 && this.length + bytes > SUBMISSION_BYTES_MAX) break
      if (!allowed(request)) {
        if (!passing) break
        held.push(request)
        continue
      }
      this.requests.push(request)
      this.length += bytes
    }
    if (passed === 0) return queue
    if (held.length > 0) return [...held, ...queue.slice(passed)]
    if (passed === queue.length) {
      queue.length = 0
      return queue
    }
    return queue.slice(passed)
  }

  /** A buffer that begins with the `length` bytes of all requests. */
  bytes(): Uint8Array {
    const { requests } = this
    const first = requests[0] as Request
    if (requests.every((request, i) => i === 0 || follows(requests[i - 1] as Request, request))) {
      return first.start === 0 ? first.slab.bytes : first.slab.bytes.subarray(first.start)
    }
    if (this.#gathered.length < this.length) this.#grow()
    let at = 0
    for (const { slab, start, end } of requests) {
      slab.bytes.copy(this.#gathered, at, start, end)
      at += end - start
    }
    return this.#gathered
  }

  /** Nothing is sent any more. */
  releaseBuffers(): void {
    releaseBuffer(this.#gathered)
    this.#gathered = NOTHING
  }

  #grow(): void {
    releaseBuffer(this.#gathered)
    this.#gathered = this.length <= BUFFER_BYTES ? acquireBuffer() : Buffer.allocUnsafeSlow(this.length)
  }
}

function follows(before: Request, after: Request): boolean {
  return before.slab === after.slab && before.end === after.start
}
