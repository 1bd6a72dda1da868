// Who should lead: of those that can, whoever has the highest priority. A leader hands over to one that has a higher one than itself, once it has
// kept up for long; after an attempt that failed it waits longer each time. Sends nothing itself.
import type { Progress } from './progress.js'
import type { Voters } from './voters.js'

/** Whoever should lead has been heard for so many election timeouts. */
export const PREFERRED_TIMEOUTS = 10
/** After a failed attempt it is left alone for so many election timeouts, twice as many after the next, up to the most. */
export const PREFERRED_PAUSE_TIMEOUTS = 30
export const PREFERRED_PAUSE_TIMEOUTS_MAX = 240

/** Whether this member may lead: it votes, and has the data. */
export function mayLead(voters: Voters, id: number): boolean {
  return voters.includes(id) && voters.holdsData(id)
}

/** The one of them with the highest priority, the first of those that share it; undefined if there are none. */
export function preferred(voters: Voters, followers: readonly Progress[]): Progress | undefined {
  const higher = (best: Progress | undefined, one: Progress) =>
    best === undefined || voters.priorityOf(one.id) > voters.priorityOf(best.id) ? one : best
  return followers.reduce(higher, undefined)
}

/** The preferences of one leader in one term. */
export class Preference {
  readonly #electionTimeout: number
  #failures = 0
  /** No attempt before, ms. */
  #notBefore = 0

  constructor(electionTimeout: number) {
    this.#electionTimeout = electionTimeout
  }

  /** Who should lead rather than `own` at `now` ms; undefined: nobody. Who keeps up has everything up to `needed`. */
  better(voters: Voters, own: number, followers: readonly Progress[], needed: number, now: number): Progress | undefined {
    if (now < this.#notBefore) return undefined
    const patience = PREFERRED_TIMEOUTS * this.#electionTimeout
    const able = followers.filter((follower) => {
      const { id, recovers, match, heardAt, heardSince } = follower
      const isThere = now - heardAt <= this.#electionTimeout && now - heardSince >= patience
      return isThere && !recovers && match >= needed && mayLead(voters, id)
    })
    const best = preferred(voters, able)
    return best !== undefined && voters.priorityOf(best.id) > voters.priorityOf(own) ? best : undefined
  }

  /** A transfer was given up. */
  failed(now: number): void {
    const timeouts = Math.min(PREFERRED_PAUSE_TIMEOUTS * 2 ** this.#failures, PREFERRED_PAUSE_TIMEOUTS_MAX)
    this.#failures += 1
    this.#notBefore = now + timeouts * this.#electionTimeout
  }
}
