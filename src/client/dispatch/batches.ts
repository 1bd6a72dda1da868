// Gathers the operations of one turn of the event loop into as few requests as the bounds allow, encoded in place.
// Knows neither answers nor retries.
import { limits } from '../../limits.js'
import { SLAB_BYTES, type Slab, type Slabs } from '../buffers/slab.js'
import type { Call } from '../calls/call.js'
import type { Request } from '../calls/request.js'

/** Builds requests of one type. Use: `room`, write at `slab.used`, `add`; to give up after `room`, do nothing. */
export class Batches {
  #open: Request | null = null
  /** The pooled slab that small requests share. */
  #slab: Slab | null = null
  /** Operations for which there was room in the open request; those in transactions count too. */
  #operations = 0

  constructor(
    readonly slabs: Slabs,
    readonly headerBytes: number,
    /** Makes a request that begins at `slab.used`. */
    readonly create: (slab: Slab) => Request,
    /** Takes a complete request. */
    readonly complete: (request: Request, end: number) => void,
    /** A request was full: it need not wait for the end of the turn. */
    readonly full: () => void,
  ) {}

  /**
   * A slab with room for an operation of at most `bytes`, to be written at its `used`. It counts as so many of the operations that a
   * member takes in one batch. BUSY when too much is held.
   */
  room(bytes: number, operations = 1): Slab {
    const open = this.#open
    if (open !== null) {
      const { slab } = open
      const isRoom = slab.used + bytes <= slab.capacity && slab.used - open.start + bytes <= limits.batchBytesMax
      if (isRoom && this.#operations + operations <= limits.batchOperationsMax) {
        this.#operations += operations
        return slab
      }
      this.close()
      this.full()
    }
    const slab = this.#slabFor(this.headerBytes + bytes)
    this.#open = this.create(slab)
    this.#operations = operations
    slab.used += this.headerBytes
    return slab
  }

  /** The operation ends at `end` and belongs to `call`. */
  add(call: Call, end: number): void {
    const open = this.#open as Request
    open.slab.used = end
    open.add(call)
    if (end - open.start >= limits.batchBytesMax || this.#operations >= limits.batchOperationsMax) {
      this.close()
      this.full()
    }
  }

  /** As `room`, in a request of its own: for what may take long, so that nothing else waits for its answer. `close` after `add`. */
  roomAlone(bytes: number): Slab {
    this.close()
    return this.room(bytes)
  }

  /** Completes what was gathered. */
  close(): void {
    const open = this.#open
    if (open === null) return
    this.#open = null
    const { slab } = open
    if (open.calls.length > 0) {
      this.complete(open, slab.used)
    } else {
      slab.used = open.start
      this.slabs.release(slab)
    }
  }

  /** No operation comes any more. */
  releaseBuffers(): void {
    this.close()
    if (this.#slab !== null) this.slabs.retire(this.#slab)
    this.#slab = null
  }

  #slabFor(bytes: number): Slab {
    if (bytes > SLAB_BYTES) return this.slabs.acquire(bytes)
    let slab = this.#slab
    if (slab !== null && slab.used + bytes <= slab.capacity) return slab
    const next = this.slabs.acquire(bytes)
    if (slab !== null) this.slabs.retire(slab)
    slab = next
    slab.current = true
    this.#slab = slab
    return slab
  }
}
