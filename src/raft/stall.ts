// Whether something that should move does: the disk behind the log, the state machine behind the commit index. Numbers only.

/** A number that has to reach another one. */
export class Stall {
  #reached = 0
  #whole = true
  /** Since when nothing moved although something is missing, ms. */
  #since = 0

  /** At `now` ms `reached` has been reached of `wanted`. Call after each step. */
  update(reached: number, wanted: number, now: number): void {
    // What has just become too little counts from now on, however long all was well.
    if (this.#whole || reached !== this.#reached) this.#since = now
    this.#whole = reached >= wanted
    this.#reached = reached
  }

  /** For how long nothing has moved at `now` ms; 0 if nothing is missing. */
  lasts(now: number): number {
    return this.#whole ? 0 : now - this.#since
  }
}
