// Virtual time: what happens next, and when. Knows nothing of Raft.

interface Happening {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** A queue of happenings by time, ms; those of one moment keep their order. */
export class Scheduler {
  /** Real time of the simulated world, ms. */
  now = 0
  readonly #heap: Happening[] = []
  #order = 0

  /** Runs `run` after `delay` ms. */
  after(delay: number, run: () => void): void {
    const heap = this.#heap
    const happening = { at: this.now + Math.max(0, delay), order: this.#order++, run }
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!before(happening, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = happening
  }

  /** Runs the next happening if it is not after `until`; returns whether there was one. */
  step(until: number): boolean {
    const next = this.#heap[0]
    if (next === undefined || next.at > until) return false
    this.#removeFirst()
    this.now = next.at
    next.run()
    return true
  }

  /** Runs everything up to `until`. */
  run(until: number): void {
    while (this.step(until));
    this.now = Math.max(this.now, until)
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1
      if (!before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function before(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
