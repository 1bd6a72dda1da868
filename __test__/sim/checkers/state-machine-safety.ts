// State machine safety: no two members apply different entries at one index (Raft, figure 3), and none skips or repeats one.
import { type Checker, type MemberView, Violation } from '../checker.js'
import type { Entry } from '../member-log.js'

export class StateMachineSafety implements Checker {
  readonly property = 'state machine safety'
  readonly #applied: Entry[][] = []

  onApply(member: MemberView, group: number, index: number, entry: Entry): void {
    this.#applied[group] ??= []
    const applied = this.#applied[group]
    const known = applied[index]
    if (known === undefined) applied[index] = entry
    else if (known.value !== entry.value || known.term !== entry.term) {
      const detail = `${index} of group ${group} is ${entry.value} (term ${entry.term}) at member ${member.id}`
      throw new Violation(this.property, `${detail}, elsewhere ${known.value} (term ${known.term})`)
    }
  }
}
