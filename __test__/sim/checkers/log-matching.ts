// Log matching: logs that have an entry of the same index and term are equal up to it (Raft, figure 3).
// By induction it is enough that (index, term) determines the entry and the term before it, wherever it is written.
import { type Checker, type MemberView, Violation } from '../checker.js'
import type { Entry } from '../member-log.js'

export class LogMatching implements Checker {
  readonly property = 'log matching'
  /** By group, index and term. */
  readonly #written: Map<number, { value: number; previousTerm: number }>[][] = []
  readonly #alone: boolean

  /** `alone`: the cluster has one member, so what it loses in a crash was never anywhere else, nor told to anyone. */
  constructor(alone: boolean) {
    this.#alone = alone
  }

  onRestart(member: MemberView, groups: number): void {
    if (!this.#alone) return
    for (let group = 0; group < groups; group += 1) this.#written[group]?.splice(member.diskLog(group).lastIndex + 1)
  }

  onWrite(member: MemberView, group: number, first: number, entries: readonly Entry[]): void {
    const log = member.memoryLog(group)
    this.#written[group] ??= []
    let previousTerm = log.termAt(first - 1)
    entries.forEach((entry, i) => {
      const index = first + i
      this.#check(group, index, entry, previousTerm, member.id)
      previousTerm = entry.term
    })
  }

  #check(group: number, index: number, { term, value }: Entry, previousTerm: number | undefined, id: number): void {
    const indexes = this.#written[group]!
    indexes[index] ??= new Map()
    const terms = indexes[index]
    const known = terms.get(term)
    // Below a snapshot the term before is not known.
    if (previousTerm === undefined) return
    if (known === undefined) terms.set(term, { value, previousTerm })
    else if (known.value !== value || known.previousTerm !== previousTerm) {
      const detail = `${index} of term ${term} in group ${group} is ${value} after term ${previousTerm} at member ${id}`
      throw new Violation(this.property, `${detail}, elsewhere ${known.value} after term ${known.previousTerm}`)
    }
  }
}
