// Changes of the members are safe (Raft thesis, 4): each configuration follows another that is committed, a majority of one always
// meets a majority of the next, what is committed stays in force, and whoever knows that it was removed does not lead.
import { Role } from '../../../src/raft/raft-kinds.js'
import { type Checker, type MemberView, Violation } from '../checker.js'
import { type Configuration, configurationAt, configurationOf, isEnough } from '../configuration.js'
import type { Entry } from '../member-log.js'
import type { Committed } from './committed.js'

/** Whether some of the members are enough for one and the others for the other. */
function mayDecideApart(a: Configuration, b: Configuration): boolean {
  const all = [...new Set([...a.incoming, ...a.outgoing, ...b.incoming, ...b.outgoing])]
  for (let chosen = 0; chosen < 2 ** all.length; chosen += 1) {
    const some = all.filter((_, i) => (chosen & (1 << i)) !== 0)
    if (
      isEnough(a, some) &&
      isEnough(
        b,
        all.filter((id) => !some.includes(id)),
      )
    )
      return true
  }
  return false
}

/** A leader appends no configuration from which another majority could decide than that of the one before. */
export class MeetingMajorities implements Checker {
  readonly property = 'meeting majorities'
  readonly #founding: Configuration

  constructor(founding: Configuration) {
    this.#founding = founding
  }

  onWrite(member: MemberView, group: number, first: number, entries: readonly Entry[]): void {
    if (member.role(group) !== Role.LEADER) return
    for (const { parts } of entries) {
      if (parts === undefined) continue
      const before = configurationAt(member, group, this.#founding)
      if (!mayDecideApart(before, configurationOf(parts))) continue
      throw new Violation(
        this.property,
        `${first} of group ${group} at leader ${member.id}: ${show(before)} to ${parts.join(' ')}`,
      )
    }
  }
}

/** A leader appends a configuration only when the one before, and an entry of its own term, are committed. */
export class OneChange implements Checker {
  readonly property = 'one change at a time'
  readonly #members: () => readonly MemberView[]
  readonly #founding: Configuration

  constructor(founding: Configuration, members: () => readonly MemberView[]) {
    this.#founding = founding
    this.#members = members
  }

  onWrite(member: MemberView, group: number, first: number, entries: readonly Entry[]): void {
    if (member.role(group) !== Role.LEADER || entries.every(({ parts }) => parts === undefined)) return
    const log = member.memoryLog(group)
    const before = member.configured(group)?.index ?? 0
    const own = log.entries.findIndex(({ term }) => term === member.term(group))
    // What was cut is committed, the term's first entry too if it is among it.
    const start = own < 0 || log.baseTerm === member.term(group) ? log.baseIndex : log.baseIndex + 1 + own
    // The leader says COMMIT after it has appended what follows from it, in the same step: what counts is on the disks by then.
    const needed = Math.max(before, start)
    const known = Math.max(member.committed(group), this.#committedBy(member, group, needed) ? needed : 0)
    if (known >= needed) return
    throw new Violation(
      this.property,
      `${first} of group ${group} at leader ${member.id} follows ${needed}, which is not committed`,
    )
  }

  #committedBy(leader: MemberView, group: number, index: number): boolean {
    const entry = leader.memoryLog(group).termAt(index)
    const holders = this.#members().filter((member) => {
      const log = member.diskLog(group)
      return member.stored(group) >= index || (log.termAt(index) === entry && entry !== undefined)
    })
    const ids = holders.map(({ id }) => id)
    return isEnough(configurationAt(leader, group, this.#founding), ids)
  }
}

/** Who leads has the last committed configuration, or one that follows it. */
export class KeptConfiguration implements Checker {
  readonly property = 'kept configuration'
  readonly #committed: Committed
  readonly #configured: (member: MemberView, group: number) => number
  /** Index of the last one that is committed, and the term in which that was known, by group. */
  readonly #last: { index: number; term: number }[] = []

  /** `configured`: the index of the configuration by which a member decides, as its core says. */
  constructor(committed: Committed, configured: (member: MemberView, group: number) => number) {
    this.#committed = committed
    this.#configured = configured
  }

  onCommit(member: MemberView, group: number, index: number): void {
    for (let i = this.#committed.addedFrom; i <= index; i += 1) {
      if (this.#committed.entry(group, i).parts === undefined) continue
      this.#last[group] = { index: i, term: this.#committed.term(group, i) }
    }
    if (member.role(group) === Role.LEADER) this.#check(member, group)
  }

  onRole(member: MemberView, group: number, role: number): void {
    if (role === Role.LEADER) this.#check(member, group)
  }

  #check(member: MemberView, group: number): void {
    const { index, term } = this.#last[group] ?? { index: 0, term: 0 }
    if (member.term(group) < term) return
    const found = this.#configured(member, group)
    if (found >= index) return
    throw new Violation(this.property, `leader ${member.id} of group ${group} goes by ${found}, although ${index} is committed`)
  }
}

/** Who knows that its removal is committed neither leads nor campaigns. */
export class RemovedFollows implements Checker {
  readonly property = 'removed members follow'

  onRole(member: MemberView, group: number, role: number): void {
    if (role !== Role.FOLLOWER) this.#check(member, group, member.committed(group))
  }

  onCommit(member: MemberView, group: number, index: number): void {
    if (member.role(group) !== Role.FOLLOWER) this.#check(member, group, index)
  }

  #check(member: MemberView, group: number, committed: number): void {
    const configured = member.configured(group)
    if (configured === undefined || configured.index > committed) return
    const { incoming, outgoing } = configurationOf(configured.parts)
    if (incoming.includes(member.id) || outgoing.includes(member.id)) return
    const detail = `${member.id} has role ${member.role(group)} in group ${group}, which it left by ${configured.index}`
    throw new Violation(this.property, detail)
  }
}

function show({ incoming, outgoing }: Configuration): string {
  return `${incoming.join(' ')}${outgoing.length > 0 ? ` for ${outgoing.join(' ')}` : ''}`
}
