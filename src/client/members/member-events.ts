// Tells listeners when the list of members is another one than before. Asks only while somebody listens, and holds no process for it.
import type { Member } from '../api.js'
import type { MemberNews } from '../dispatch/member-news.js'
import { shownMembers } from '../wire/membership.js'

type Listener = (members: Member[]) => void

export class MemberEvents {
  readonly #news: MemberNews
  readonly #listeners = new Set<Listener>()
  #off: (() => void) | null = null
  /** What was seen last, as text; null: nothing yet. */
  #seen: string | null = null

  constructor(news: MemberNews) {
    this.#news = news
  }

  /** Returns what ends it. */
  on(listener: Listener): () => void {
    // One entry for each call, though it is the same function.
    const entry: Listener = (members) => listener(members)
    this.#listeners.add(entry)
    if (this.#off === null) {
      const { known } = this.#news
      this.#seen = known === null ? null : JSON.stringify(shownMembers(known))
      this.#off = this.#news.on(() => this.#look())
    }
    return () => {
      this.#listeners.delete(entry)
      if (this.#listeners.size === 0) this.close()
    }
  }

  close(): void {
    this.#off?.()
    this.#off = null
    this.#listeners.clear()
  }

  #look(): void {
    const { known } = this.#news
    if (known === null) return
    const members = shownMembers(known)
    const text = JSON.stringify(members)
    const isNew = this.#seen !== null && this.#seen !== text
    this.#seen = text
    // What a listener throws is its own, and keeps nobody else from hearing.
    if (isNew) for (const listener of this.#listeners) queueMicrotask(() => listener(members))
  }
}
