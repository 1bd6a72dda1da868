// One request while it is built, sent, sent again and answered: its bytes, its callers, its place in its session.

import type { Slab, Slabs } from '../buffers/slab.js'
import { writeU64 } from '../wire/integers.js'
import { operationBytes } from '../wire/operations.js'
import { ConsistencyKind, RequestKind } from '../wire/request-kinds.js'
import type { Awaited } from './awaited-requests.js'
import type { Call } from './call.js'
import type { Session } from './session.js'
import type { Stream } from './stream.js'

export const HEADER_BYTES = 16
/** Header of a request and of the batch in it. */
export const WRITE_HEADER_BYTES = HEADER_BYTES + 32
export const READ_HEADER_BYTES = HEADER_BYTES + 16
const BATCH_RETRY = 1

export class Request {
  calls: Call[] = []
  /** Calls that are not settled. At 0 nobody wants the answer any more. */
  waiting = 0
  /** What counts it while somebody waits for it. */
  awaited: Awaited | null = null
  /** Earliest deadline of its calls; may be that of a settled one. */
  deadline = Number.POSITIVE_INFINITY
  /** Where its bytes end in the slab. */
  end: number
  /** Whether some member may have carried it out: it is then resent with RETRY. */
  uncertain = false
  /** How often it was handed over. */
  attempts = 0
  /** What went wrong last, for the message of a time-out. */
  trouble = ''
  /** Set when it is first sent, if it is a WRITE. The bytes never change afterwards, except for RETRY. */
  session: Session | null = null
  sequence = 0
  /** Whether the slab has been given back. */
  released = false
  /** The watch that this request opens. */
  stream: Stream | null = null
  /** Whether this batch starts its session: it has no operations and may be lost. */
  starts = false

  constructor(
    readonly id: number,
    readonly type: number,
    readonly slab: Slab,
    readonly start: number,
    headerBytes: number,
  ) {
    this.end = start + headerBytes
    slab.holders++
  }

  /** Whether a response comes for it. */
  get expectsAnswer(): boolean {
    return this.type !== RequestKind.WATCH_CREDIT && this.type !== RequestKind.CANCEL
  }

  /** Whether it waits for watches to begin. What promises less does not: it may be all that a member without a leader can answer. */
  get isLinearizableRead(): boolean {
    return this.type === RequestKind.READ && this.slab.bytes[this.start + HEADER_BYTES] === ConsistencyKind.LINEARIZABLE
  }

  add(call: Call): void {
    call.request = this
    this.calls.push(call)
    this.waiting++
    if (call.deadline < this.deadline) this.deadline = call.deadline
  }

  /** One of its calls is settled. */
  callSettled(): void {
    if (--this.waiting === 0) this.awaited?.remove(this)
  }

  /** Completes the header; the body ends at `end`. */
  seal(end: number, group: number): void {
    const { view } = this.slab
    this.end = end
    view.setUint32(this.start, end - this.start - HEADER_BYTES, true)
    view.setUint32(this.start + 4, this.type | (group << 16), true)
    writeU64(view, this.start + 8, this.id)
    if (this.type === RequestKind.WRITE) {
      view.setUint32(this.start + 40, 0, true)
      view.setUint32(this.start + 44, this.starts ? 0 : this.calls.length, true)
    } else if (this.type === RequestKind.READ) {
      view.setUint32(this.start + 20, this.calls.length, true)
    }
  }

  /** Takes out the operations whose callers have gone, as long as no member can have carried them out. */
  prune(): void {
    if (this.waiting === this.calls.length || this.uncertain || this.type !== RequestKind.WRITE || this.starts) return
    const { bytes, view } = this.slab
    const group = view.getUint16(this.start + 6, true)
    let from = this.start + WRITE_HEADER_BYTES
    let to = from
    const kept: Call[] = []
    for (const call of this.calls) {
      const length = operationBytes(view, from)
      if (!call.settled) {
        bytes.copyWithin(to, from, from + length)
        to += length
        kept.push(call)
      }
      from += length
    }
    this.calls = kept
    this.seal(to, group)
  }

  /** Gives the batch its place in a session. */
  bind(session: Session): void {
    const { view } = this.slab
    this.session = session
    this.sequence = session.nextSequence()
    writeU64(view, this.start + 16, session.id)
    writeU64(view, this.start + 24, this.sequence)
    writeU64(view, this.start + 32, session.lowest)
  }

  /** From now on a member must look whether it has seen this batch. */
  markUncertain(): void {
    this.uncertain = true
    if (this.type === RequestKind.WRITE) this.slab.view.setUint32(this.start + 40, BATCH_RETRY, true)
  }
}

/** A CANCEL of another request, of which no answer is wanted any more. */
export function cancelOf({ id }: Request, cancelId: number, slabs: Slabs): Request {
  const slab = slabs.single(HEADER_BYTES + 8)
  const request = new Request(cancelId, RequestKind.CANCEL, slab, 0, HEADER_BYTES + 8)
  writeU64(slab.view, HEADER_BYTES, id)
  request.waiting = 1
  return request
}
