// One promise that a caller waits on: settled once, by an answer, a time-out, an abort or the end. Sends nothing.

import type { RafterError } from '../../errors.js'
import { abortError } from '../arguments/signal.js'
import type { Result } from '../wire/results.js'
import { type Abortable, forget, listen } from './abort-signals.js'
import { outcomeOf, phraseOf } from './outcome.js'
import type { Request } from './request.js'

/** Turns a result without an error into what the promise resolves to; `askAgain` if the member had no room for it. */
export type Decode = (result: Result, call: Call) => unknown
export const askAgain = Symbol('ask again')

let capturedResolve: (value: never) => void
let capturedReject: (error: RafterError) => void
// One executor for all promises: a closure for each would be the dearest part of a put.
function capture(resolve: (value: never) => void, reject: (error: RafterError) => void): void {
  capturedResolve = resolve
  capturedReject = reject
}

// TypeScript's `private` rather than `#`: one object a call, and Node 20 makes private names a third dearer to construct.
export class Call implements Abortable {
  readonly promise: Promise<unknown>
  private readonly resolvePromise: (value: unknown) => void
  private readonly rejectPromise: (error: RafterError) => void
  settled = false
  /** The request that carries it, once it is in one. */
  request: Request | null = null
  private signal: AbortSignal | null = null
  private abandoned: ((call: Call) => void) | null = null

  constructor(
    /** What was called, for messages. */
    readonly name: string,
    readonly decode: Decode,
    /** Time of its time-out, ms of performance.now(). */
    readonly deadline: number,
  ) {
    this.promise = new Promise(capture)
    this.resolvePromise = capturedResolve as (value: unknown) => void
    this.rejectPromise = capturedReject
  }

  /** Ends when the signal aborts; `abandoned` is then told. */
  listen(signal: AbortSignal, abandoned: (call: Call) => void): void {
    listen(signal, this)
    this.signal = signal
    this.abandoned = abandoned
  }

  aborted(signal: AbortSignal): void {
    const { request } = this
    // What was sent before and may be sent again may be done as well as what is under way.
    const outcome = request === null ? 'not-done' : outcomeOf(request.type, 'ABORTED', request.attempts > 0)
    this.reject(abortError(this.name, signal, phraseOf(outcome), outcome))
    this.abandoned?.(this)
  }

  resolve(value: unknown): void {
    if (this.settled) return
    this.end()
    this.resolvePromise(value)
  }

  reject(error: RafterError): void {
    if (this.settled) return
    this.end()
    this.rejectPromise(error)
  }

  private end(): void {
    this.settled = true
    this.request?.callSettled()
    if (this.signal !== null) forget(this.signal, this)
  }
}
