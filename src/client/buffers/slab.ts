// Buffers that requests are encoded into and kept in until they are answered, so that they can be sent again unchanged.
// Bounded in bytes. Knows no formats.
import { RafterError } from '../../errors.js'
import { acquireBuffer, BUFFER_BYTES, releaseBuffer } from './spare-buffers.js'

/** Bytes of a pooled slab: two full batches. */
export const SLAB_BYTES = BUFFER_BYTES
/** Bytes of calls that one client holds unanswered; a call above that fails with BUSY, whatever `waitWhenBusy` says. */
export const HELD_BYTES_MAX = 268_435_456
/** Slabs kept for reuse. */
const SPARE_SLABS_MAX = 8

/** A buffer that several requests share, one after another. */
export class Slab {
  readonly capacity: number
  readonly view: DataView
  /** Bytes taken from the start; the next request begins here. */
  used = 0
  /** Requests that still need their bytes. The slab is reused only at 0. */
  holders = 0
  /** Whether a batch builder goes on filling it. */
  current = false

  constructor(readonly bytes: Buffer) {
    this.capacity = bytes.length
    this.view = new DataView(bytes.buffer)
  }
}

/** Hands out slabs and takes them back. */
export class Slabs {
  /** Bytes of the slabs handed out. */
  #held = 0
  readonly #spare: Slab[] = []

  /** An empty slab with at least `bytes` of room. BUSY when too much is held. */
  acquire(bytes: number): Slab {
    const capacity = Math.max(bytes, SLAB_BYTES)
    if (this.#held + capacity > HELD_BYTES_MAX) {
      throw new RafterError('BUSY', `${this.#held} bytes of calls wait for their answers; await some before making more`)
    }
    this.#held += capacity
    if (capacity > SLAB_BYTES) return new Slab(Buffer.allocUnsafeSlow(capacity))
    return this.#spare.pop() ?? new Slab(acquireBuffer())
  }

  /** A slab for one small request of its own, of exactly `bytes`; there are few of these, so they count but never fail. */
  single(bytes: number): Slab {
    this.#held += bytes
    return new Slab(Buffer.allocUnsafeSlow(bytes))
  }

  /** One request less needs the slab's bytes. */
  release(slab: Slab): void {
    if (--slab.holders > 0) return
    slab.used = 0
    if (!slab.current) this.#recycle(slab)
  }

  /** The builder has moved on to another slab. */
  retire(slab: Slab): void {
    slab.current = false
    if (slab.holders === 0) this.#recycle(slab)
  }

  /** No call comes any more, and the builders have retired theirs: the buffers are there for the next client. */
  releaseBuffers(): void {
    for (const { bytes } of this.#spare.splice(0)) releaseBuffer(bytes)
  }

  #recycle(slab: Slab): void {
    slab.used = 0
    this.#held -= slab.capacity
    if (slab.capacity === SLAB_BYTES && this.#spare.length < SPARE_SLABS_MAX) this.#spare.push(slab)
  }
}
