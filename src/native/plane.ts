// The plane of a member in this process, as its Raft worker sees it.
import type { Plane } from '../plane/plane.js'
import type { Binding } from './binding.js'

/** The native plane of member number `member`. Its `exchange` blocks the calling thread without an event loop. */
export function nativePlane(binding: Binding, member: number): Plane {
  return {
    exchange: (commands, length, events, timeoutMs) => binding.exchange(member, commands, length, events, timeoutMs),
  }
}
