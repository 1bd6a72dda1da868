// Randomness for election timeouts, from a seed: the core may not ask its surroundings for any.

/** A small generator of 32-bit state (xorshift). Good enough to spread timeouts, for nothing else. */
export class Random {
  #state: number

  /** Equal parts give equal sequences. */
  constructor(...parts: readonly number[]) {
    let state = 0x9e3779b9
    for (const part of parts) {
      state = Math.imul(state ^ (part >>> 0), 0x85ebca6b)
      state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35) ^ Math.floor(part / 0x1_0000_0000)
      state ^= state >>> 16
    }
    this.#state = state === 0 ? 1 : state
  }

  /** A number with 0 ≤ number < 1. */
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 0) / 0x1_0000_0000
  }

  /** A number with low ≤ number < high. */
  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }
}
