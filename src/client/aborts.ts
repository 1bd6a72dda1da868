// Which calls each signal ends. One listener a signal, however many calls share it: Node warns of more than ten.
import type { Call } from './call.js'

export class Aborts {
  readonly #calls = new Map<AbortSignal, { calls: Set<Call>; listener: () => void }>()

  /** `abort` is called with each call that is not settled when its signal aborts. */
  constructor(readonly abort: (call: Call, signal: AbortSignal) => void) {}

  add(call: Call, signal: AbortSignal): void {
    let entry = this.#calls.get(signal)
    if (entry === undefined) {
      const calls = new Set<Call>()
      const listener = () => {
        for (const aborted of calls) this.abort(aborted, signal)
      }
      entry = { calls, listener }
      this.#calls.set(signal, entry)
      signal.addEventListener('abort', listener, { once: true })
    }
    entry.calls.add(call)
  }

  /** The call is settled. */
  remove(call: Call, signal: AbortSignal): void {
    const entry = this.#calls.get(signal)
    if (entry === undefined) return
    entry.calls.delete(call)
    if (entry.calls.size > 0) return
    this.#calls.delete(signal)
    signal.removeEventListener('abort', entry.listener)
  }
}
