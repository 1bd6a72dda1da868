// Election safety: at most one leader in a term (Raft, figure 3).
import { Role } from '../../../src/raft/raft-kinds.js'
import { type Checker, type MemberView, Violation } from '../checker.js'

export class ElectionSafety implements Checker {
  readonly property = 'election safety'
  readonly #leaders = new Map<string, number>()

  onRole(member: MemberView, group: number, role: number, term: number): void {
    if (role !== Role.LEADER) return
    const key = `${group} ${term}`
    const known = this.#leaders.get(key) ?? member.id
    if (known !== member.id) throw new Violation(this.property, `${known} and ${member.id} lead group ${group} in term ${term}`)
    this.#leaders.set(key, member.id)
  }
}
