// Log matching: logs that have an entry of the same index and term are equal up to it (Raft, figure 3).
// By induction it is enough that (index, term) determines the entry and the term before it, wherever it is written.
import { type Checker, type MemberView, Violation } from '../checker.js'
import type { Entry } from '../member-log.js'

interface Written {
  readonly term: number
  readonly value: number
  readonly previousTerm: number
  /** Who has written it; 0: several have. */
  writer: number
}

export class LogMatching implements Checker {
  readonly property = 'log matching'
  /** By group and index: one a term, of which there are few. */
  readonly #written: Written[][][] = []

  /**
   * What it alone has written, and lost in a crash, was never anywhere else: who needs no other vote than its own may forget it, and
   * lead the same term again. What it had sent by then is found when it is written.
   */
  onRestart(member: MemberView, groups: number): void {
    for (let group = 0; group < groups; group += 1) {
      const log = member.diskLog(group)
      const indexes = this.#written[group] ?? []
      for (let index = log.lastIndex + 1; index < indexes.length; index += 1) {
        const terms = indexes[index]
        if (terms?.some(({ writer }) => writer === member.id)) {
          indexes[index] = terms.filter(({ writer }) => writer !== member.id)
        }
      }
    }
  }

  onWrite(member: MemberView, group: number, first: number, entries: readonly Entry[]): void {
    const log = member.memoryLog(group)
    this.#written[group] ??= []
    let previousTerm = log.termAt(first - 1)
    let index = first
    for (const entry of entries) {
      this.#check(group, index, entry, previousTerm, member.id)
      previousTerm = entry.term
      index += 1
    }
  }

  #check(group: number, index: number, { term, value }: Entry, previousTerm: number | undefined, id: number): void {
    const indexes = this.#written[group]!
    indexes[index] ??= []
    const terms = indexes[index]
    const known = terms.find((each) => each.term === term)
    // Below a snapshot the term before is not known.
    if (previousTerm === undefined) return
    if (known === undefined) {
      terms.push({ term, value, previousTerm, writer: id })
      return
    }
    if (known.writer !== id) known.writer = 0
    if (known.value === value && known.previousTerm === previousTerm) return
    const detail = `${index} of term ${term} in group ${group} is ${value} after term ${previousTerm} at member ${id}`
    throw new Violation(this.property, `${detail}, elsewhere ${known.value} after term ${known.previousTerm}`)
  }
}
