// What the core asks of the plane. Calls are commands: they are carried out later, in this order.
import type { Parts } from './configuration.js'
import type { Outgoing } from './message.js'

/** The message may go at once. */
export const AT_ONCE = 0
/** The message goes when all that was handed over before it is on disk. */
export const DURABLE = 1
/** The message may go at once, and the event SENT reports how far its entries came: the plane may have clipped them. */
export const REPORTED = 2
/** The message may go at once, and does not wait for entries that are on their way: one overtakes the other. */
export const BESIDE = 3
/** The condition on which a message may be sent. */
export type After = typeof AT_ONCE | typeof DURABLE | typeof REPORTED | typeof BESIDE

/** The commands of one group; see crates/codec/FORMATS.md. */
export interface Commands {
  /** Takes the next chunk of proposals into the log. */
  accept(firstIndex: number, term: number, count: number): void
  /** Writes a leader's no-op. */
  noop(index: number, term: number): void
  /** Writes a payload's entries from the skip-th on at firstIndex, first cutting the log from there. `runs`: flat (term, count). */
  append(handle: number, firstIndex: number, skip: number, runs: readonly number[]): void
  /** Forgets a payload. */
  drop(handle: number): void
  /** Writes the hard state. */
  persist(term: number, vote: number, commit: number): void
  send(to: number, message: Outgoing, after: After): void
  /** Entries up to index may be applied. */
  commit(index: number): void
  /** Reads up to sequence may be answered once index is applied. */
  serveReads(sequence: number, index: number): void
  /** Reads may be answered without asking until this time; 0: no more. */
  lease(until: number): void
  /** `leader` 0: none known. */
  role(role: number, term: number, leader: number): void
  /** Fails what waits and is not in the log, with a number of `Code`. */
  fail(code: number): void
  /** Sends the state machine to a follower whose entries were cut. */
  snapshotSend(peer: number): void
  /** Entries up to and including index may be forgotten. */
  cut(index: number): void
  /** The log is emptied and starts after this entry, the last of an installed snapshot. */
  restore(index: number, term: number): void
  /** The member is whole: its data directory is not new any more once what was handed over before is on disk. */
  recovered(): void
  /** Leadership does not go to `peer`, at least not by the transfer that was asked for; why, as a number of `Code`. */
  transferOver(peer: number, code: number): void
  /** These are the group's members from now on. `members`: flat pairs of (id, 1 if it votes, else 0). */
  roster(members: readonly number[]): void
  /** Writes the entry of a configuration. `asker`: whose wish it begins; 0: it ends one. `parts`: flat pairs of (id, part); see configuration.ts. */
  configure(asker: number, index: number, term: number, parts: Parts): void
  /** The change that was asked for as `asker` is made, or not; why not, as a number of `Code`. */
  changeOver(asker: number, code: number): void
}
