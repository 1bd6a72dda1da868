// The watches of a dispatcher: which are open, which are to be opened again, which have not begun. Sends nothing.
import { Code } from '../../codes.js'
import type { RafterError } from '../../errors.js'
import type { Stream } from '../calls/stream.js'
import { RequestKind } from '../wire/request-kinds.js'
import type { Result } from '../wire/results.js'
import { retryOf } from './retry.js'

export class Streams {
  /** Open ones, by the id of the request that opened them. */
  readonly #open = new Map<number, Stream>()
  readonly #closed = new Set<Stream>()
  /**
   * Those from now on that have not begun, with the id each was opened with first, ascending: what was called later has a
   * larger one, and is not sent before the watch has begun. Else the watch might begin after it and miss it.
   */
  readonly #beginning = new Map<Stream, number>()

  /** `onBegun` hears that a member answers: a watch has begun. `embedded`: there is no other member to go to. */
  constructor(
    readonly embedded: boolean,
    readonly onBegun: () => void,
  ) {}

  /** How many have not begun. */
  get beginning(): number {
    return this.#beginning.size
  }

  /** It is opened for the first time, with the request `id`. */
  begins(stream: Stream, id: number): void {
    if (stream.fromNow) this.#beginning.set(stream, id)
  }

  /** It has begun, or nobody waits for that any more; false if nobody did. */
  begun(stream: Stream): boolean {
    return this.#beginning.delete(stream)
  }

  /** Whether all that were called before the request `id` have begun. */
  allow(id: number): boolean {
    for (const first of this.#beginning.values()) return id < first
    return true
  }

  /** The request `id` of a stream was sent. */
  opened(id: number, stream: Stream): void {
    this.#open.set(id, stream)
  }

  /**
   * A response to the request `id`, for the watch that it opened; one of another request is left alone. Returns the member's refusal
   * if the watch is to be opened again, else null.
   */
  receive(id: number, result: Result): RafterError | null {
    const stream = this.#open.get(id)
    if (stream === undefined) return null
    if (result.code === Code.OK) {
      if (this.begun(stream)) this.onBegun()
      stream.deliver(result)
      return null
    }
    const error = result.error('watch')
    const isOver = retryOf(RequestKind.WATCH, error.code, this.embedded) === 'reject'
    this.ended(id, isOver ? null : stream)
    if (isOver) {
      stream.ended(error)
      return null
    }
    // The member has no room for it, perhaps for long.
    if (error.code === 'BUSY') this.begun(stream)
    return error
  }

  /** The request `id` is over; `again`: its stream is to be opened again. */
  ended(id: number, again: Stream | null = null): void {
    this.#open.delete(id)
    if (again !== null) this.#closed.add(again)
  }

  /** The port is gone. */
  close(): void {
    for (const stream of this.#open.values()) this.#closed.add(stream)
    this.#open.clear()
  }

  /** Takes those to be opened again. */
  takeClosed(): Stream[] {
    const closed = [...this.#closed]
    this.#closed.clear()
    return closed
  }

  /** The stream is over. */
  forget(stream: Stream): void {
    this.#closed.delete(stream)
    for (const [id, open] of this.#open) if (open === stream) this.#open.delete(id)
  }

  /** Ends all of them. */
  end(error: RafterError): void {
    const all = new Set([...this.#beginning.keys(), ...this.#open.values(), ...this.#closed])
    this.#beginning.clear()
    this.#open.clear()
    this.#closed.clear()
    for (const stream of all) stream.ended(error)
  }
}
