// What a checker may look at, and how it complains.
import type { Raft } from '../../src/raft/raft.js'
import type { Configured, Entry, MemberLog } from './member-log.js'
import type { Operation } from './session-store.js'

/** A broken promise of the system under test. */
export class Violation extends Error {
  constructor(
    /** The name of the property. */
    readonly property: string,
    detail: string,
  ) {
    super(`${property}: ${detail}`)
    this.name = 'Violation'
  }
}

/** A member as checkers see it: all of it, also what no other member could know. */
export interface MemberView {
  readonly id: number
  /** As the plane was told; `Role`. */
  role(group: number): number
  term(group: number): number
  memoryLog(group: number): MemberLog
  diskLog(group: number): MemberLog
  /** The last configuration of its log, or of its state machine; undefined: that of the founding. */
  configured(group: number): Configured | undefined
  /** As the plane was told. */
  committed(group: number): number
  /** Whether it answers reads alone now, by its own clock. */
  hasLease(group: number): boolean
  /** Last index of what a restart finds in its store. */
  stored(group: number): number
}

/** A property, checked as things happen. Each throws a Violation. */
export interface Checker {
  /** What it checks; absent for one that only keeps records. */
  readonly property?: string
  /** A member took a role. */
  onRole?(member: MemberView, group: number, role: number, term: number): void
  /** A member was given a lease, or another end of it, or has lost it. */
  onLease?(member: MemberView, group: number): void
  /** A member is about to write entries at `first`. */
  onWrite?(member: MemberView, group: number, first: number, entries: readonly Entry[]): void
  /** More of a member's log is on its disk. */
  onDurable?(member: MemberView, group: number): void
  /** A member says that entries up to index are committed. */
  onCommit?(member: MemberView, group: number, index: number): void
  /** A member's state machine takes an entry. */
  onApply?(member: MemberView, group: number, index: number, entry: Entry): void
  /** A member's core has had what happened, and its plane has its commands. */
  onStep?(member: MemberView, group: number, raft: Raft): void
  /** A member has started again: what was on its disk is all it has. */
  onRestart?(member: MemberView, groups: number): void
  /** A member has stopped, and its data directory is about to go. */
  onWipe?(member: MemberView, groups: number): void
  /** A member says that it has recovered what it lost. */
  onRecovered?(member: MemberView, group: number): void
  /** A client learns that its write has taken effect as entry `index`. */
  onAcknowledged?(group: number, index: number, value: number): void
  /** A client with a session learns that its operation has taken effect. */
  onOperation?(group: number, operation: Operation): void
  /** A client's linearizable read was answered from the state at `index`; `floor` is what `readFloor` said when it began. */
  onRead?(group: number, index: number, floor: number): void
  /** All members have applied the same; `index` is how far. */
  onEnd?(group: number, index: number): void
}
