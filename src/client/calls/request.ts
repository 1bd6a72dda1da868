// One request while it is built, sent, sent again and answered: its bytes, its callers, its place in its session.

import type { Slab, Slabs } from '../buffers/slab.js'
import {
  HEADER_BYTES,
  readGroup,
  WRITE_HEADER_BYTES,
  writeBatchCount,
  writeBatchPlace,
  writeBatchRetry,
  writeHeader,
  writeReadCount,
} from '../wire/header.js'
import { writeU64 } from '../wire/integers.js'
import { operationBytes } from '../wire/operations.js'
import { ConsistencyKind, RequestKind } from '../wire/request-kinds.js'
import type { Awaited } from './awaited-requests.js'
import type { Call } from './call.js'
import type { Session } from './session.js'
import type { Stream } from './stream.js'

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
    writeHeader(view, this.start, end - this.start - HEADER_BYTES, this.type, group, this.id)
    if (this.type === RequestKind.WRITE) {
      writeBatchCount(view, this.start + HEADER_BYTES, this.starts ? 0 : this.calls.length)
    } else if (this.type === RequestKind.READ) {
      writeReadCount(view, this.start, this.calls.length)
    }
  }

  /** Takes out the operations whose callers have gone, as long as no member can have carried them out. */
  prune(): void {
    if (this.waiting === this.calls.length || this.uncertain || this.type !== RequestKind.WRITE || this.starts) return
    const { bytes, view } = this.slab
    const group = readGroup(view, this.start)
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
    this.session = session
    this.sequence = session.nextSequence()
    writeBatchPlace(this.slab.view, this.start + HEADER_BYTES, session.id, this.sequence, session.lowest)
  }

  /** The cluster has forgotten the session, and has not carried the batch out: it is bound to another when it is sent again. */
  unbind(): void {
    this.session = null
  }

  /** From now on a member must look whether it has seen this batch. */
  markUncertain(): void {
    this.uncertain = true
    if (this.type === RequestKind.WRITE) writeBatchRetry(this.slab.view, this.start + HEADER_BYTES)
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
