// One turn of the event loop: where operations are encoded as they are called, and when they go out together.
// Knows no answers.
import type { RafterError } from '../../errors.js'
import { TIMEOUT_MAX_MS } from '../arguments/timeout.js'
import type { Slab } from '../buffers/slab.js'
import type { Call } from '../calls/call.js'
import { Request } from '../calls/request.js'
import { READ_HEADER_BYTES, WRITE_HEADER_BYTES, writeReadHeader } from '../wire/header.js'
import { readU64 } from '../wire/integers.js'
import { ConsistencyKind, RequestKind } from '../wire/request-kinds.js'
import { Batches } from './batches.js'
import type { Dispatcher } from './dispatcher.js'

/** Calls of one turn that share a reading of the clock. */
const CLOCK_CALLS = 256

export class TurnBatches {
  readonly writes: Batches
  /** Linearizable reads. */
  readonly reads: Batches
  /** Serializable and bounded reads, of one kind at a time. */
  readonly #localReads: Batches
  #localMode = -1
  #localStaleness = 0
  #scheduled = false
  #now = 0
  #nowCalls = 0

  constructor(readonly dispatcher: Dispatcher) {
    const { slabs } = dispatcher
    const complete = (request: Request, end: number) => dispatcher.enqueue(request, end)
    // What is full goes out at once: the member works on it while the next is encoded.
    const full = () => dispatcher.pump()
    this.writes = new Batches(
      slabs,
      WRITE_HEADER_BYTES,
      (slab) => this.#create(RequestKind.WRITE, slab, WRITE_HEADER_BYTES),
      complete,
      full,
    )
    this.reads = new Batches(
      slabs,
      READ_HEADER_BYTES,
      (slab) => this.#createRead(slab, ConsistencyKind.LINEARIZABLE, 0),
      complete,
      full,
    )
    this.#localReads = new Batches(
      slabs,
      READ_HEADER_BYTES,
      (slab) => this.#createRead(slab, this.#localMode, this.#localStaleness),
      complete,
      full,
    )
  }

  /** The batches that gather reads of a consistency (`maxStaleness` in ms, for BOUNDED). */
  readsOf(consistency: number, maxStaleness: number): Batches {
    if (consistency === ConsistencyKind.LINEARIZABLE) return this.reads
    if (consistency !== this.#localMode || maxStaleness !== this.#localStaleness) {
      this.#localReads.close()
      this.#localMode = consistency
      this.#localStaleness = maxStaleness
    }
    return this.#localReads
  }

  /** The time of this turn, ms of performance.now(). */
  now(): number {
    if (!this.#scheduled || ++this.#nowCalls >= CLOCK_CALLS) {
      this.#now = performance.now()
      this.#nowCalls = 0
    }
    return this.#now
  }

  /** The deadline of a call made now. */
  deadline(timeout: number): number {
    return this.now() + Math.min(timeout, TIMEOUT_MAX_MS)
  }

  /**
   * Has what was encoded sent at the end of the turn. With nothing under way that is when the microtasks are done: the
   * shortest way. Otherwise it is after the other callbacks of this turn of the loop, whose operations go along.
   */
  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    if (this.dispatcher.underWay === 0) queueMicrotask(this.#afterMicrotasks)
    else setImmediate(this.flush)
  }

  flush = (): void => {
    this.#scheduled = false
    this.writes.close()
    this.reads.close()
    this.#localReads.close()
    this.dispatcher.pump()
  }

  /** No call comes any more: gives its buffers to the next client. */
  releaseBuffers(): void {
    for (const batches of [this.writes, this.reads, this.#localReads]) batches.releaseBuffers()
    this.dispatcher.releaseBuffers()
  }

  /** Puts an operation that is encoded already into another request: a read among others, a write alone. */
  addAgain(call: Call, from: Request, at: number, bytes: number): void {
    const { view } = from.slab
    const isWrite = from.type === RequestKind.WRITE
    const batches = isWrite ? this.writes : this.readsOf(view.getUint8(from.start + 16), readU64(view, from.start + 24))
    if (isWrite) batches.close()
    try {
      const slab = batches.room(bytes)
      from.slab.bytes.copy(slab.bytes, slab.used, at, at + bytes)
      batches.add(call, slab.used + bytes)
    } catch (error) {
      call.reject(error as RafterError)
    }
    if (isWrite) batches.close()
    this.schedule()
  }

  #afterMicrotasks = (): void => {
    // A next tick asked for by a microtask runs when the queue of microtasks is empty.
    process.nextTick(this.flush)
  }

  #create(type: number, slab: Slab, headerBytes: number): Request {
    return new Request(this.dispatcher.nextId(), type, slab, slab.used, headerBytes)
  }

  #createRead(slab: Slab, consistency: number, maxStaleness: number): Request {
    const request = this.#create(RequestKind.READ, slab, READ_HEADER_BYTES)
    writeReadHeader(slab.view, request.start, consistency, maxStaleness)
    return request
  }
}
