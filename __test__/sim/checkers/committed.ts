// The entries that some member has called committed, group by group: what the checkers hold everyone to.
import type { Checker, MemberView } from '../checker.js'
import type { Entry } from '../member-log.js'

/** Grows with every COMMIT; comes first in the list of checkers. */
export class Committed implements Checker {
  readonly #groups: Entry[][] = []
  readonly #terms: number[][] = []
  /** First index that the last COMMIT added; above `last` if it added none. */
  #addedFrom = 1

  /** Last index known to be committed. */
  last(group: number): number {
    return this.#groups[group]?.length ?? 0
  }

  entry(group: number, index: number): Entry {
    return this.#groups[group]![index - 1]!
  }

  /** The term of the member that called it committed first: not below the term in which it was. */
  term(group: number, index: number): number {
    return this.#terms[group]![index - 1]!
  }

  get addedFrom(): number {
    return this.#addedFrom
  }

  onCommit(member: MemberView, group: number, index: number): void {
    this.#groups[group] ??= []
    this.#terms[group] ??= []
    const entries = this.#groups[group]
    const terms = this.#terms[group]
    this.#addedFrom = entries.length + 1
    const log = member.memoryLog(group)
    for (let i = entries.length + 1; i <= index; i += 1) {
      entries.push(log.entry(i))
      terms.push(member.term(group))
    }
  }
}
