// Keeps the process alive while somebody waits for an answer, and only then: a forgotten store must not hold it.

/** Longest timer, ms; it is never meant to fire. */
const NEVER_MS = 2_147_483_647

export class Liveness {
  readonly #timer = setInterval(() => {}, NEVER_MS).unref()
  #waiting = 0

  enter(): void {
    if (this.#waiting++ === 0) this.#timer.ref()
  }

  leave(): void {
    if (--this.#waiting === 0) this.#timer.unref()
  }

  /** Somebody waits for `work`. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.enter()
    try {
      return await work
    } finally {
      this.leave()
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
