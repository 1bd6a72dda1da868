// When each group wants to be called next. Thousands of groups push their deadlines away all the time, so only a
// lower bound of the earliest is kept, and all are looked at when it has come.

/** One deadline a group; ms. */
export class Timers {
  /** No deadline is before it. */
  earliest = Number.POSITIVE_INFINITY
  readonly #deadlines: number[] = []

  /** Sets the deadline of a group. */
  set(group: number, deadline: number): void {
    this.#deadlines[group] = deadline
    if (deadline < this.earliest) this.earliest = deadline
  }

  /** Calls `due` for each group whose deadline has come; it must set a later one. */
  run(now: number, due: (group: number) => void): void {
    if (now < this.earliest) return
    this.#deadlines.forEach((deadline, group) => {
      if (deadline <= now) due(group)
    })
  }

  /** Brings `earliest` up to date if it has come. */
  refresh(now: number): void {
    if (now < this.earliest) return
    let earliest = Number.POSITIVE_INFINITY
    this.#deadlines.forEach((deadline) => {
      if (deadline < earliest) earliest = deadline
    })
    this.earliest = earliest
  }
}
