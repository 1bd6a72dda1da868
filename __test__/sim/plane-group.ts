// What the simulated plane keeps of one group between two events.
import { Role } from '../../src/raft/kinds.js'
import type { Machine } from './machine.js'
import type { MemberLog } from './member-log.js'

/** Called with the index that holds the write, or with a code when it was not done. */
export type WriteDone = (index: number, code: number) => void
/** Called with the applied index that answered, or with a code. */
export type ReadDone = (index: number, code: number) => void

/** Writes that were handed over together. */
export interface Chunk {
  readonly values: readonly { value: number; bytes: number; done: WriteDone }[]
  announced: boolean
}

interface Read {
  readonly sequence: number
  readonly done: ReadDone
  /** Set once the core has confirmed it. */
  index: number
}

/** One group's side of the plane. */
export interface GroupState {
  readonly log: MemberLog
  readonly machine: Machine
  role: number
  term: number
  leader: number
  committed: number
  leaseUntil: number
  proposals: Chunk[]
  reads: Read[]
  readSequence: number
  waiters: Map<number, WriteDone>
  applying: boolean
}

/** The group as a start finds it. */
export function newGroup(log: MemberLog, machine: Machine): GroupState {
  return {
    ...{ log, machine, role: Role.FOLLOWER, term: log.term, leader: 0, committed: machine.state.index, leaseUntil: 0 },
    ...{ proposals: [], reads: [], readSequence: 0, waiters: new Map(), applying: false },
  }
}
