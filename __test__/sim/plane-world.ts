// What surrounds a simulated plane: the messages it exchanges, the world it asks, what survives its restart, how slow it is.
// Knows no commands and no events.
import type { Random } from '../../src/raft/random.js'
import type { Checker } from './checker.js'
import type { DiskTimes } from './disk.js'
import type { Machine, State } from './machine.js'
import type { Entry, MemberLog } from './member-log.js'
import type { PageCache } from './page-cache.js'
import type { Scheduler } from './scheduler.js'

/** Kinds of packets between planes that are no messages of cores: a follower asks its leader for the read index; the answer. */
export const READ_INDEX = 101
export const READ_REPLY = 102
/** A member hands a client's write to its leader, and gets the answer: of them the second has the same number, code, index, whether it held. */
export const FORWARD = 103
export const FORWARD_REPLY = 104

/**
 * A message between planes; entries travel by reference. READ_INDEX: fields number of the question; READ_REPLY: the same number,
 * code, index, and `term` is that of the entry there. FORWARD: fields number; the entry has no term yet.
 */
export interface Packet {
  readonly from: number
  readonly to: number
  readonly group: number
  readonly kind: number
  readonly term: number
  readonly fields: readonly number[]
  readonly entries: readonly Entry[]
}

/** Bytes of all entries, or of what is to become entries. */
export function bytesOf(entries: readonly { readonly bytes: number }[]): number {
  let sum = 0
  for (const { bytes } of entries) sum += bytes
  return sum
}

/** What a plane needs of the world around it. */
export interface Surroundings {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly checkers: readonly Checker[]
  /** This member has no data: its state machine knows where it stands, and who the members are. */
  readonly isWitness?: boolean
  /** This member's clock, ms. */
  clock(): number
  send(packet: Packet): void
  sendSnapshot(from: number, to: number, group: number, state: State, sent: (ok: boolean) => void): void
  /** There are events. */
  wake(): void
}

/** What survives a restart. */
export interface Durable {
  readonly logs: MemberLog[]
  readonly machines: Machine[]
  /** Of the machine; null: members sync what they call durable. */
  readonly cache: PageCache | null
}

/** How the plane behaves in time. */
export interface PlaneTimes {
  disk: DiskTimes
  /** Longest delay before a committed entry is applied, ms. */
  applyMax: number
  /** Share of applies after which the store persists its state. */
  persistShare: number
  /** By how much larger than it is the log is said to be: above the bound of what is held for followers, if large. */
  logScale: number
  /**
   * A read under the lease waits until what is committed is applied, as another may have been answered from there by a follower;
   * false: it is answered from what is applied, which is enough while nobody reads at followers.
   */
  leasedReadsWait: boolean
}
