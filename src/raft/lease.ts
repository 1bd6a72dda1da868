// The leader's read lease (Raft thesis, 6.4.1): until it ends, no other member can have been elected, since a quorum has
// promised to refuse votes. A transfer breaks the promise, so it ends the leases of the whole term.
import { CLOCK_DRIFT_SHARE, type RaftConfig } from './config.js'
import type { Out } from './out.js'

/** The lease of one leader in one term. */
export class Lease {
  readonly #duration: number
  readonly #out: Out
  /** What the plane was told; 0: none. */
  until = 0
  /** Set for the rest of the term once a TIMEOUT_NOW was sent: it may arrive at any time. */
  #revoked: boolean

  constructor(config: RaftConfig, out: Out) {
    this.#duration = config.electionTimeout * (1 - CLOCK_DRIFT_SHARE)
    this.#out = out
    this.#revoked = !config.leaseReads
  }

  /** A quorum has answered a round that began at `begunAt` ms. */
  extend(begunAt: number): void {
    const until = begunAt + this.#duration
    if (this.#revoked || until <= this.until) return
    this.until = until
    this.#out.lease(until)
  }

  /** Whether it holds at `now` ms. */
  holds(now: number): boolean {
    return now < this.until
  }

  /** Ends it; it may be extended again. */
  end(): void {
    if (this.until === 0) return
    this.until = 0
    this.#out.lease(0)
  }

  /** Ends it for the rest of the term. */
  revoke(): void {
    this.end()
    this.#revoked = true
  }
}
