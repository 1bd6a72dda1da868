// One timer for all time-outs: it is set to the earliest deadline, not to one a call.

/** A timer that is this close is not worth replacing, ms. */
const CLOSE_ENOUGH_MS = 1

export class Deadlines {
  #timer: NodeJS.Timeout | null = null
  #at = Number.POSITIVE_INFINITY

  /** `sweep` ends what is due and returns the earliest deadline that is left, or Infinity. */
  constructor(readonly sweep: (now: number) => number) {}

  /** Something must be ended at `deadline`, ms of performance.now(). */
  expect(deadline: number): void {
    if (deadline >= this.#at - CLOSE_ENOUGH_MS) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#set(deadline)
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #set(deadline: number): void {
    this.#at = deadline
    const wait = Math.max(1, Math.ceil(deadline - performance.now()))
    this.#timer = setTimeout(() => this.#run(), wait)
    this.#timer.unref()
  }

  #run(): void {
    this.#timer = null
    this.#at = Number.POSITIVE_INFINITY
    const next = this.sweep(performance.now())
    if (next !== Number.POSITIVE_INFINITY) this.expect(next)
  }
}
