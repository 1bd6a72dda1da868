// Keeps the process alive while somebody waits for an answer, or as long as it is told to; else a forgotten store does not hold it.

/** Longest timer, ms; it is never meant to fire. */
const NEVER_MS = 2_147_483_647

export class Liveness {
  readonly #timer = setInterval(() => {}, NEVER_MS).unref()
  #waiting = 0
  #held = false

  enter(): void {
    if (this.#waiting++ === 0 && !this.#held) this.#timer.ref()
  }

  leave(): void {
    if (--this.#waiting === 0 && !this.#held) this.#timer.unref()
  }

  /** Keeps the process alive until the end, whether anybody waits or not; or does so no longer. */
  hold(held: boolean): void {
    this.#held = held
    if (held || this.#waiting > 0) this.#timer.ref()
    else this.#timer.unref()
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
