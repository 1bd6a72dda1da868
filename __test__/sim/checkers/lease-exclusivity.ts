// Lease exclusivity: while a leader may answer reads alone, by its own clock, nobody else leads (Raft thesis, 6.4.1). It rests on clocks that
// run alike within CLOCK_DRIFT_SHARE, so it holds of runs in which they do.
import { Role } from '../../../src/raft/raft-kinds.js'
import { type Checker, type MemberView, Violation } from '../checker.js'

export class LeaseExclusivity implements Checker {
  readonly property = 'lease exclusivity'
  readonly #members: () => readonly MemberView[]

  constructor(members: () => readonly MemberView[]) {
    this.#members = members
  }

  /** One that is told late that it led in an earlier term knows no better, and gets no lease any more. */
  onRole(member: MemberView, group: number, role: number, term: number): void {
    if (role !== Role.LEADER) return
    for (const other of this.#members()) {
      if (other.term(group) < term && other.hasLease(group)) this.#complain(other, member, group)
    }
  }

  onLease(member: MemberView, group: number): void {
    if (!member.hasLease(group)) return
    for (const other of this.#members()) {
      const leads = other.role(group) === Role.LEADER && other.term(group) > member.term(group)
      if (other.id !== member.id && (leads || other.hasLease(group))) this.#complain(member, other, group)
    }
  }

  #complain(holder: MemberView, leader: MemberView, group: number): void {
    const detail = `${holder.id} has a lease of term ${holder.term(group)} in group ${group}`
    throw new Violation(this.property, `${detail}, and ${leader.id} leads in term ${leader.term(group)}`)
  }
}
