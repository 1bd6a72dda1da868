// Durability: what is called committed is on the disks of a majority of each set of voters, in a log or in a store, and nothing that a
// client was told is ever lost.
import { type Checker, type MemberView, Violation } from '../checker.js'
import { type Configuration, configurationAt, configurationOf, isEnough } from '../configuration.js'
import type { Entry, MemberLog } from '../member-log.js'
import type { Committed } from './committed.js'

/** What a member has on disk of a group: a store of all entries up to `stored`, and a log, which may lag behind it or have been cut. */
interface Held {
  readonly log: MemberLog
  readonly stored: number
}

/** A snapshot that was installed is in the store before the log follows it; an entry cut off the log is nowhere but in the store. */
function holds(log: MemberLog, stored: number, index: number, entry: Entry): boolean {
  return index <= stored || (index > log.baseIndex && log.holds(index, entry))
}

export class DurableCommit implements Checker {
  readonly property = 'durability'
  readonly #committed: Committed
  readonly #configuration: Configuration
  readonly #members: () => readonly MemberView[]
  /** What members had on disk when they lost it, by member and group, until they say that they have recovered. */
  readonly #lost = new Map<string, Held[]>()
  readonly #acknowledged: Map<number, number>[] = []

  constructor(committed: Committed, configuration: Configuration, members: () => readonly MemberView[]) {
    this.#committed = committed
    this.#configuration = configuration
    this.#members = members
  }

  /** Who says so first leads. */
  onCommit(member: MemberView, group: number, index: number): void {
    if (index < this.#committed.addedFrom) return
    this.#checkHolders(configurationAt(member, group, this.#configuration), group, index)
  }

  /** It may not vote before it has recovered, so nobody is elected without what it once held. */
  onWipe(member: MemberView, groups: number): void {
    for (let group = 0; group < groups; group += 1) {
      const key = `${member.id} ${group}`
      const held = { log: member.diskLog(group).copy(), stored: member.stored(group) }
      this.#lost.set(key, [...(this.#lost.get(key) ?? []), held])
    }
  }

  onRecovered(member: MemberView, group: number): void {
    const key = `${member.id} ${group}`
    const last = Math.min(
      this.#committed.last(group),
      Math.max(0, ...(this.#lost.get(key) ?? []).map(({ log, stored }) => Math.max(log.lastIndex, stored))),
    )
    this.#lost.delete(key)
    const configuration = this.#committedConfiguration(group)
    for (let index = 1; index <= last; index += 1) this.#checkHolders(configuration, group, index)
  }

  /** The last one that is committed: the one that a member goes by may not be, and then decides nothing alone. */
  #committedConfiguration(group: number): Configuration {
    for (let index = this.#committed.last(group); index > 0; index -= 1) {
      const { parts } = this.#committed.entry(group, index)
      if (parts !== undefined) return configurationOf(parts)
    }
    return this.#configuration
  }

  #checkHolders(configuration: Configuration, group: number, index: number): void {
    const entry = this.#committed.entry(group, index)
    const holders: number[] = []
    for (const member of this.#members()) {
      const isThere = holds(member.diskLog(group), member.stored(group), index, entry)
      if (isThere || this.#hasHeld(member, group, index, entry)) holders.push(member.id)
    }
    if (isEnough(configuration, holders)) return
    throw new Violation(
      'durability',
      `committed ${index} of group ${group} is on the disks of ${holders.join(', ') || 'none'} only`,
    )
  }

  #hasHeld({ id }: MemberView, group: number, index: number, entry: Entry): boolean {
    if (this.#lost.size === 0) return false
    const lost = this.#lost.get(`${id} ${group}`)
    return lost?.some(({ log, stored }) => holds(log, stored, index, entry)) === true
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
