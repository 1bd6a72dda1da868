// How long to wait before trying again. Starts no timer.

const FIRST_MS = 5
const LONGEST_MS = 250

/** Doubles from 5 to 250 ms; half of it is random, so that clients do not return all at once. */
export class Backoff {
  #next = FIRST_MS

  /** Milliseconds to wait now. */
  delay(): number {
    const delay = this.#next
    this.#next = Math.min(delay * 2, LONGEST_MS)
    return delay * (0.5 + Math.random() / 2)
  }

  /** Something worked. */
  reset(): void {
    this.#next = FIRST_MS
  }
}
