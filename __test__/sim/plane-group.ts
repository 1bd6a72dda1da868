// What the simulated plane keeps of one group between two events.
import { Code } from '../../src/codes.js'
import { Role } from '../../src/raft/raft-kinds.js'
import type { Machine } from './machine.js'
import type { MemberLog } from './member-log.js'
import type { Operation } from './session-store.js'

/** Called with the index that holds the write, or with a code when it was not done. `held`: of an operation, whether its condition did. */
export type WriteDone = (index: number, code: number, held?: boolean) => void

/** Writes that were handed over together. */
export interface Chunk {
  readonly values: readonly { value: number; bytes: number; operation?: Operation | undefined; done: WriteDone }[]
  announced: boolean
}

/** Called with OK once the member that was asked for leads, or with a code when that will not be by this transfer. */
export type TransferDone = (code: number) => void

/** Who waits for leadership to go to a member. */
export class Transfers {
  #waiting: { readonly peer: number; readonly done: TransferDone }[] = []

  wait(peer: number, done: TransferDone): void {
    this.#waiting.push({ peer, done })
  }

  /** The core goes on without a transfer to peer. */
  over(peer: number, code: number): void {
    const over = this.#waiting.filter((each) => each.peer === peer)
    this.#waiting = this.#waiting.filter((each) => each.peer !== peer)
    for (const { done } of over) done(code)
  }

  /** `leader` 0: nobody is known to lead. */
  leaderChanged(leader: number): void {
    if (leader === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const { peer, done } of waiting) done(peer === leader ? Code.OK : Code.LEADER_LOST)
  }
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
  waiters: Map<number, WriteDone>
  readonly transfers: Transfers
  applying: boolean
}

/** The group as a start finds it. */
export function newGroup(log: MemberLog, machine: Machine): GroupState {
  return {
    ...{ log, machine, role: Role.FOLLOWER, term: log.term, leader: 0, committed: machine.state.index, leaseUntil: 0 },
    ...{ proposals: [], waiters: new Map(), transfers: new Transfers(), applying: false },
  }
}
