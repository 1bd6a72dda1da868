// The leader's read lease (Raft thesis, 6.4.1): until it ends, no other member can have been elected, since a quorum has
// promised to refuse votes. How long each promised is in its answers: settings differ while they are being changed.
// A transfer breaks the promises, so it ends the leases of the whole term.

import type { Commands } from './commands.js'
import { CLOCK_DRIFT_SHARE, type RaftConfig } from './config.js'

/**
 * The lease of one leader in one term.
 *
 * It rests on clocks that measure time alike, within CLOCK_DRIFT_SHARE. The plane's clock (CLOCK_BOOTTIME) runs on while the
 * process is stopped or the machine sleeps, but not while a hypervisor keeps a virtual machine suspended, migrates it, or
 * takes a snapshot of it: others may then elect a leader while this one's lease seems to hold. When it goes on, it may give
 * answers from before the pause, until it hears of the new leader, and never for longer than what was left of the lease: less
 * than one of its own election timeouts, whatever others promise. Where that is too much, `leaseReads: false` asks a quorum
 * for each read, and relies on no clock.
 */
export class Lease {
  /** Longest that it may last. More than a few heartbeats help nobody, and a pause that no clock shows is bounded by it. */
  readonly #durationMax: number
  readonly #commands: Commands
  /** What the plane was told; 0: none. */
  until = 0
  /** Set for the rest of the term once a TIMEOUT_NOW was sent: it may arrive at any time. */
  #revoked: boolean

  constructor(config: RaftConfig, commands: Commands) {
    this.#durationMax = config.electionTimeout * (1 - CLOCK_DRIFT_SHARE)
    this.#commands = commands
    this.#revoked = !config.leaseReads
  }

  /** A quorum has answered a round that began at `begunAt` ms, and elects nobody before `promisedUntil`. */
  extend(begunAt: number, promisedUntil: number): void {
    const until = Math.min(begunAt + this.#durationMax, promisedUntil)
    if (this.#revoked || until <= this.until) return
    this.until = until
    this.#commands.lease(until)
  }

  /** A promise is void: what is left lasts until `promisedUntil`. */
  shorten(promisedUntil: number, now: number): void {
    if (promisedUntil >= this.until) return
    if (promisedUntil <= now) {
      this.end()
      return
    }
    this.until = promisedUntil
    this.#commands.lease(promisedUntil)
  }

  /** Whether it holds at `now` ms. */
  holds(now: number): boolean {
    return now < this.until
  }

  /** Ends it; it may be extended again. */
  end(): void {
    if (this.until === 0) return
    this.until = 0
    this.#commands.lease(0)
  }

  /** Ends it for the rest of the term. */
  revoke(): void {
    this.end()
    this.#revoked = true
  }
}
