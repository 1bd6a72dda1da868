// Exactly once: the numbers by which the cluster tells a batch that is resent from a new one. Sends nothing.
import { limits } from '../../limits.js'

/** Largest number of a session. */
const SESSION_ID_MAX = Number.MAX_SAFE_INTEGER

export class Session {
  /** Random until the session is started, then the number that the cluster gave it; never 0, which means no deduplication. */
  id = 1 + Math.floor(Math.random() * (SESSION_ID_MAX - 1))
  /** The cluster has answered the batch that starts the session, so every leader to come knows it. */
  started = false
  /** Every sequence below is answered. lowest ≤ next; next − lowest ≤ sessionWindowMax. */
  lowest = 1
  #next = 1
  readonly #unanswered = new Set<number>()

  /** Whether one more batch may be under way. */
  hasRoom(): boolean {
    return this.#next - this.lowest < limits.sessionWindowMax
  }

  /** The next batch's sequence. */
  nextSequence(): number {
    const sequence = this.#next++
    this.#unanswered.add(sequence)
    return sequence
  }

  /** The batch will not be sent again. */
  answered(sequence: number): void {
    this.#unanswered.delete(sequence)
    while (this.lowest < this.#next && !this.#unanswered.has(this.lowest)) this.lowest++
  }
}

/** The session in use. A new one is taken when the cluster has forgotten it, or when its start got lost. */
export class Sessions {
  current = new Session()
  /** A request that starts the current session is under way. */
  starting = false

  /** The session for the next batch; null: it is not started, or its window is full. */
  ready(): Session | null {
    return this.current.started && this.current.hasRoom() ? this.current : null
  }

  /** The cluster gave `session` its number. */
  started(session: Session, id: number): void {
    session.id = id
    session.started = true
    if (session === this.current) this.starting = false
  }

  /** No batch is added to `session` any more. */
  replace(session: Session): void {
    if (session !== this.current) return
    this.current = new Session()
    this.starting = false
  }
}
