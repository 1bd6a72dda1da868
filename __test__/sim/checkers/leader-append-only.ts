// Leader append-only: a leader never overwrites or deletes entries of its log (Raft, figure 3).
import { Role } from '../../../src/raft/raft-kinds.js'
import { type Checker, type MemberView, Violation } from '../checker.js'
import type { Entry } from '../member-log.js'

export class LeaderAppendOnly implements Checker {
  readonly property = 'leader append-only'
  onWrite(member: MemberView, group: number, first: number, entries: readonly Entry[]): void {
    if (member.role(group) !== Role.LEADER) return
    const { lastIndex } = member.memoryLog(group)
    const foreign = entries.some((entry) => entry.term !== member.term(group))
    if (first === lastIndex + 1 && !foreign) return
    throw new Violation(
      'leader append-only',
      `leader ${member.id} writes at ${first} of group ${group}, its log ends at ${lastIndex}`,
    )
  }
}
