// Durability: what is called committed is on the disks of a majority, and nothing that a client was told is ever lost.
import { type Checker, type MemberView, Violation } from '../checker.js'
import type { Committed } from './committed.js'

export class DurableCommit implements Checker {
  readonly property = 'durability'
  readonly #committed: Committed
  readonly #members: () => readonly MemberView[]
  readonly #acknowledged: Map<number, number>[] = []

  constructor(committed: Committed, members: () => readonly MemberView[]) {
    this.#committed = committed
    this.#members = members
  }

  onCommit(_member: MemberView, group: number, index: number): void {
    if (index < this.#committed.addedFrom) return
    const entry = this.#committed.entry(group, index)
    const members = this.#members()
    const holders = members.filter((member) => member.diskLog(group).holds(index, entry)).map(({ id }) => id)
    if (holders.length > members.length / 2) return
    throw new Violation(
      'durability',
      `committed ${index} of group ${group} is on the disks of ${holders.join(', ') || 'none'} only`,
    )
  }

  onAcknowledged(group: number, index: number, value: number): void {
    this.#acknowledged[group] ??= new Map()
    this.#acknowledged[group].set(index, value)
    this.#check(group, index, value)
  }

  onEnd(group: number, last: number): void {
    for (const [index, value] of this.#acknowledged[group] ?? []) {
      if (index > last)
        throw new Violation(this.property, `acknowledged ${index} of group ${group} is lost: all logs end at ${last}`)
      this.#check(group, index, value)
    }
  }

  #check(group: number, index: number, value: number): void {
    const found = index <= this.#committed.last(group) ? this.#committed.entry(group, index).value : 'nothing'
    if (found === value) return
    throw new Violation(this.property, `${value} was acknowledged as ${index} of group ${group}, where ${found} is committed`)
  }
}
