// What each signal ends: calls and watches. One listener a signal in the whole process, however many share it, since Node warns of
// more than ten. Knows nothing of what it ends.

/** What a signal can end. */
export interface Abortable {
  /** `signal` has aborted. */
  aborted(signal: AbortSignal): void
}

interface Entry {
  ends: Set<Abortable>
  listener: () => void
}

/** As long as its signal, and only while there is something to end. */
const entries = new WeakMap<AbortSignal, Entry>()

/** Has `signal` end something. */
export function listen(signal: AbortSignal, what: Abortable): void {
  let entry = entries.get(signal)
  if (entry === undefined) {
    const ends = new Set<Abortable>()
    const listener = () => {
      for (const end of ends) end.aborted(signal)
    }
    entry = { ends, listener }
    entries.set(signal, entry)
    signal.addEventListener('abort', listener, { once: true })
  }
  entry.ends.add(what)
}

/** It is over. */
export function forget(signal: AbortSignal, what: Abortable): void {
  const entry = entries.get(signal)
  if (entry === undefined) return
  entry.ends.delete(what)
  if (entry.ends.size > 0) return
  entries.delete(signal)
  signal.removeEventListener('abort', entry.listener)
}
