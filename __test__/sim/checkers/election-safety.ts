// Election safety: at most one leader in a term (Raft, figure 3).
import { Role } from '../../../src/raft/raft-kinds.js'
import { type Checker, type MemberView, Violation } from '../checker.js'
import { type Configuration, configurationAt, isEnough } from '../configuration.js'

export class ElectionSafety implements Checker {
  readonly property = 'election safety'
  readonly #founding: Configuration
  /** By group and term; `alone`: its own vote was enough. */
  readonly #leaders: Map<number, { readonly id: number; readonly alone: boolean }>[] = []

  constructor(founding: Configuration) {
    this.#founding = founding
  }

  /** Who was elected by its own vote, and lost it in a crash, has told nobody, and never led. */
  onRestart(member: MemberView, groups: number): void {
    for (let group = 0; group < groups; group += 1) {
      for (const [term, { id, alone }] of this.#leaders[group] ?? []) {
        if (alone && id === member.id && term > member.diskLog(group).term) this.#leaders[group]!.delete(term)
      }
    }
  }

  onRole(member: MemberView, group: number, role: number, term: number): void {
    if (role !== Role.LEADER) return
    this.#leaders[group] ??= new Map()
    const leaders = this.#leaders[group]
    const known = leaders.get(term)
    if (known === undefined) {
      const alone = isEnough(configurationAt(member, group, this.#founding), [member.id])
      leaders.set(term, { id: member.id, alone })
    } else if (known.id !== member.id) {
      throw new Violation(this.property, `${known.id} and ${member.id} lead group ${group} in term ${term}`)
    }
  }
}
