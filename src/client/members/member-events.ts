// Tells listeners when the list of members is another one than before. Looks only while somebody listens, and holds no process for it.
import type { Member } from '../api.js'

type Listener = (members: Member[]) => void

export class MemberEvents {
  readonly #listeners = new Set<Listener>()
  #timer: NodeJS.Timeout | null = null
  #isLooking = false
  /** What was seen last, as text; null: nothing yet. */
  #seen: string | null = null

  constructor(
    readonly list: () => Promise<Member[]>,
    /** Milliseconds between looks. */
    readonly interval: number,
  ) {}

  /** Returns what ends it. */
  on(listener: Listener): () => void {
    // One entry for each call, though it is the same function.
    const entry: Listener = (members) => listener(members)
    this.#listeners.add(entry)
    if (this.#timer === null) {
      this.#seen = null
      this.#timer = setInterval(() => this.look(), this.interval).unref()
      this.look()
    }
    return () => {
      this.#listeners.delete(entry)
      if (this.#listeners.size === 0) this.close()
    }
  }

  /** Looks now, if somebody listens. */
  look(): void {
    if (this.#timer === null || this.#isLooking) return
    this.#isLooking = true
    // Who does not answer has said nothing: it is asked again.
    void this.list()
      .then(
        (members) => this.#saw(members),
        () => {},
      )
      .finally(() => {
        this.#isLooking = false
      })
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#listeners.clear()
  }

  #saw(members: Member[]): void {
    const text = JSON.stringify(members)
    const isNew = this.#seen !== null && this.#seen !== text
    this.#seen = text
    // What a listener throws is its own, and keeps nobody else from hearing.
    if (isNew) for (const listener of this.#listeners) queueMicrotask(() => listener(members))
  }
}
