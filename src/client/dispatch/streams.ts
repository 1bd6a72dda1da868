// The watches of a dispatcher: which are open, which are to be opened again, which have not begun. Sends nothing.
import type { RafterError } from '../../errors.js'
import type { Stream } from '../calls/stream.js'

export class Streams {
  /** Open ones, by the id of the request that opened them. */
  readonly #open = new Map<number, Stream>()
  readonly #closed = new Set<Stream>()
  /**
   * Those from now on that have not begun, with the id each was opened with first, ascending: what was called later has a
   * larger one, and is not sent before the watch has begun. Else the watch might begin after it and miss it.
   */
  readonly #beginning = new Map<Stream, number>()

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

  at(id: number): Stream | undefined {
    return this.#open.get(id)
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
