// Rounds of a leader's messages: every append carries the round in which it was sent, every answer echoes it.
// A round answered by a quorum proves that no other leader had been elected when the round began.
import { assert } from './assert.js'

/** Rounds whose begin is remembered; an answer to an older one proves nothing. */
const ROUNDS_MAX = 64

/** When each of the last rounds began. */
export class Rounds {
  readonly #begun = new Float64Array(ROUNDS_MAX)
  /** The newest round; 0: none. */
  current = 0

  /** Begins a round, at `now` ms. */
  begin(now: number): number {
    this.current += 1
    this.#begun[this.current % ROUNDS_MAX] = now
    return this.current
  }

  /** When a round began; −∞ if that is not remembered, or 0 is asked for. */
  begunAt(round: number): number {
    assert(round <= this.current, 'round has begun', { round, current: this.current })
    if (round === 0 || this.current - round >= ROUNDS_MAX) return Number.NEGATIVE_INFINITY
    return this.#begun[round % ROUNDS_MAX] as number
  }
}
