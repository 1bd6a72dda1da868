// Witnesses have no data: they follow, what they have somebody with data has had on a disk before, and there are never so many of them that a
// majority could do without the data.
import { Role } from '../../../src/raft/raft-kinds.js'
import { type Checker, type MemberView, Violation } from '../checker.js'
import { configurationOf } from '../configuration.js'
import type { Entry, MemberLog } from '../member-log.js'
import type { Committed } from './committed.js'

/** A witness neither leads nor campaigns. */
export class WitnessFollows implements Checker {
  readonly property = 'witnesses follow'
  readonly #witnesses: readonly number[]

  constructor(witnesses: readonly number[]) {
    this.#witnesses = witnesses
  }

  onRole({ id }: MemberView, group: number, role: number): void {
    if (role === Role.FOLLOWER || !this.#witnesses.includes(id)) return
    throw new Violation(this.property, `witness ${id} has role ${role} in group ${group}`)
  }
}

/** What a witness writes into its log is committed, or was on a disk with data. */
export class DataFirst implements Checker {
  readonly property = 'data first'
  readonly #witnesses: readonly number[]
  readonly #committed: Committed
  /** By group and term: the last index that was on such a disk. */
  readonly #reached: Map<number, number>[] = []

  constructor(witnesses: readonly number[], committed: Committed) {
    this.#witnesses = witnesses
    this.#committed = committed
  }

  onDurable(member: MemberView, group: number): void {
    if (this.#witnesses.length > 0 && !this.#witnesses.includes(member.id)) this.#note(group, member.diskLog(group))
  }

  /** What is there after a crash need not have been told of. */
  onRestart(member: MemberView, groups: number): void {
    for (let group = 0; group < groups; group += 1) this.onDurable(member, group)
  }

  onWrite({ id }: MemberView, group: number, first: number, entries: readonly Entry[]): void {
    if (!this.#witnesses.includes(id)) return
    entries.forEach(({ term }, i) => {
      const index = first + i
      if (index <= this.#committed.last(group) || index <= (this.#reached[group]?.get(term) ?? 0)) return
      throw new Violation(
        this.property,
        `${index} of term ${term} in group ${group} is at witness ${id}, and on no disk with data`,
      )
    })
  }

  #note(group: number, log: MemberLog): void {
    this.#reached[group] ??= new Map()
    const reached = this.#reached[group]
    for (let index = log.lastIndex; index > log.baseIndex; index -= 1) {
      const { term } = log.entry(index)
      if ((reached.get(term) ?? 0) >= index) return
      reached.set(term, Math.max(index, reached.get(term) ?? 0))
    }
  }
}

/** In each set of voters fewer than a majority are witnesses. */
export class DataInMajorities implements Checker {
  readonly property = 'data in majorities'

  onWrite(member: MemberView, group: number, first: number, entries: readonly Entry[]): void {
    for (const { parts } of entries) {
      if (parts === undefined) continue
      const { incoming, outgoing, witnesses = [] } = configurationOf(parts)
      for (const voters of [incoming, outgoing]) {
        const without = voters.filter((id) => witnesses.includes(id)).length
        if (without * 2 <= voters.length) continue
        throw new Violation(this.property, `${first} of group ${group} at ${member.id}: ${parts.join(' ')}`)
      }
    }
  }
}
