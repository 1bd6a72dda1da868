// Ends the calls whose time is up, wherever their requests are: on their way, queued or parked. Knows no port.
import type { RafterError } from '../../errors.js'
import type { Call } from '../calls/call.js'
import type { Request } from '../calls/request.js'
import { Deadlines } from './deadlines.js'
import type { Inflight } from './inflight.js'
import type { RequestQueues } from './request-queues.js'

/** What the expiry of calls needs of the dispatcher. */
export interface ExpiryOwner {
  /** The error of a call whose time is up. */
  timeOut(request: Request, call: Call): RafterError
  /** Has a read cancelled that nobody waits for any more; whether there was one to cancel. */
  cancelRead(request: Request): boolean
  /** Nobody waits for the request any more. */
  drop(request: Request): void
  pump(): void
}

export class Expiry {
  readonly #inflight: Inflight
  readonly #queues: RequestQueues
  readonly #owner: ExpiryOwner
  readonly #deadlines = new Deadlines((now) => this.sweep(now))

  constructor(inflight: Inflight, queues: RequestQueues, owner: ExpiryOwner) {
    this.#inflight = inflight
    this.#queues = queues
    this.#owner = owner
  }

  /** Something must be ended at `deadline`, ms of performance.now(); Infinity: nothing. */
  expect(deadline: number): void {
    if (deadline !== Number.POSITIVE_INFINITY) this.#deadlines.expect(deadline)
  }

  close(): void {
    this.#deadlines.close()
  }

  /** Ends what is due and drops what nobody waits for; returns the earliest deadline that is left, or Infinity. */
  sweep(now: number): number {
    const owner = this.#owner
    let next = Number.POSITIVE_INFINITY
    let cancelled = false
    const isKept = (request: Request): boolean => {
      if (request.deadline <= now) this.#expire(request, now)
      if (request.waiting === 0) {
        cancelled = owner.cancelRead(request) || cancelled
        this.#inflight.delete(request)
        owner.drop(request)
        return false
      }
      if (request.deadline < next) next = request.deadline
      return true
    }
    for (const request of this.#inflight.list()) isKept(request)
    this.#queues.retain(isKept)
    if (cancelled) owner.pump()
    return next
  }

  #expire(request: Request, now: number): void {
    request.deadline = Number.POSITIVE_INFINITY
    for (const call of request.calls) {
      if (call.settled) continue
      if (call.deadline <= now) call.reject(this.#owner.timeOut(request, call))
      else if (call.deadline < request.deadline) request.deadline = call.deadline
    }
  }
}
