// Majorities. Knows numbers only: indexes, rounds and times are counted the same way.
import { limits } from '../limits.js'
import { assert } from './assert.js'

/** How many of `members` are a majority. */
export function majority(members: number): number {
  return Math.floor(members / 2) + 1
}

const sorted = new Float64Array(limits.membersMax)

/**
 * The largest number that a majority has reached, where `own` is this member's and `numberOf` gives each peer's.
 * Peers' numbers are read once each; nothing is kept between calls.
 */
export function reachedByMajority<T>(own: number, peers: readonly T[], numberOf: (peer: T) => number): number {
  assert(peers.length < limits.membersMax, 'members in a quorum', { peers: peers.length })
  sorted[0] = own
  let size = 1
  for (const peer of peers) {
    const value = numberOf(peer)
    let at = size
    while (at > 0 && (sorted[at - 1] as number) < value) {
      sorted[at] = sorted[at - 1] as number
      at -= 1
    }
    sorted[at] = value
    size += 1
  }
  return sorted[majority(size) - 1] as number
}
