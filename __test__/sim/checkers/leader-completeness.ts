// Leader completeness: what is committed is in the log of every leader of a later term (Raft, figure 3).
import { Role } from '../../../src/raft/raft-kinds.js'
import { type Checker, type MemberView, Violation } from '../checker.js'
import type { Committed } from './committed.js'

export class LeaderCompleteness implements Checker {
  readonly property = 'leader completeness'
  readonly #committed: Committed
  /** The newest leader of each group. */
  readonly #leaders = new Map<number, { member: MemberView; term: number }>()

  constructor(committed: Committed) {
    this.#committed = committed
  }

  onRole(member: MemberView, group: number, role: number, term: number): void {
    if (role !== Role.LEADER) return
    if (term >= (this.#leaders.get(group)?.term ?? 0)) this.#leaders.set(group, { member, term })
    const from = member.memoryLog(group).baseIndex + 1
    this.#check(member, group, from, Math.max(from, this.#committed.last(group) + 1))
  }

  onCommit(_member: MemberView, group: number, index: number): void {
    const leader = this.#leaders.get(group)
    if (leader === undefined || leader.member.role(group) !== Role.LEADER) return
    this.#check(leader.member, group, this.#committed.addedFrom, index + 1)
  }

  #check(member: MemberView, group: number, from: number, end: number): void {
    const log = member.memoryLog(group)
    for (let index = from; index < end; index += 1) {
      // A leader of an earlier term may turn up late, and owes nothing to later ones.
      if (this.#committed.term(group, index) > member.term(group)) continue
      if (log.holds(index, this.#committed.entry(group, index))) continue
      const detail = `leader ${member.id} of term ${member.term(group)} in group ${group} lacks committed ${index}`
      throw new Violation(this.property, detail)
    }
  }
}
