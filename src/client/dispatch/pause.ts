// The pause before what was refused is sent again: each longer than the one before, until something has worked.
import { Backoff } from '../connection/backoff.js'

export class Pause {
  readonly #backoff = new Backoff()
  readonly #over: () => void
  #timer: NodeJS.Timeout | null = null

  constructor(over: () => void) {
    this.#over = over
  }

  get isOn(): boolean {
    return this.#timer !== null
  }

  /** Begins, unless there is one already. */
  begin(): void {
    if (this.#timer !== null) return
    this.#timer = setTimeout(this.#over, this.#backoff.delay())
    this.#timer.unref()
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Something worked: the next pause is a short one. */
  reset(): void {
    this.#backoff.reset()
  }
}
