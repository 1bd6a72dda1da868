// How many requests somebody waits for: those keep the process alive, and `close` waits for them. What the client asks for its own
// sake is not among them, nor is a watch: whoever waits for its events says so itself.
import type { Liveness } from './liveness.js'
import type { Request } from './request.js'

export class Awaited {
  readonly #liveness: Liveness
  #count = 0
  #whenNone: (() => void) | null = null

  constructor(liveness: Liveness) {
    this.#liveness = liveness
  }

  /** Somebody waits for `request`, if any of its calls is not settled yet. */
  add(request: Request): void {
    if (request.waiting === 0) return
    request.awaited = this
    if (this.#count++ === 0) this.#liveness.enter()
  }

  /** Nobody waits for it any more. */
  remove(request: Request): void {
    if (request.awaited === null) return
    request.awaited = null
    if (--this.#count > 0) return
    this.#liveness.leave()
    this.#whenNone?.()
  }

  /** Resolves when there are none, or after `timeout` ms. */
  none(timeout: number): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeout)
      this.#whenNone = () => {
        this.#whenNone = null
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
