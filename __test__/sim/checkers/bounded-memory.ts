// Bounded memory: what a core keeps beside its log does not grow with time. It keeps the configuration in force and those that may still be
// cut, and sends a follower no more than the limits allow before that answers; and once the cluster rests, nothing waits at its plane.
import { limits } from '../../../src/limits.js'
import { Leader } from '../../../src/raft/leader.js'
import type { Raft } from '../../../src/raft/raft.js'
import { type Checker, type MemberView, Violation } from '../checker.js'

export class BoundedMemory implements Checker {
  readonly property = 'bounded memory'
  readonly #messageBytesMax: number

  /** `entryBytesMax`: of the longest entry, which goes whole. */
  constructor(entryBytesMax: number) {
    this.#messageBytesMax = Math.max(limits.appendBytesMax, entryBytesMax)
  }

  onStep(member: MemberView, group: number, raft: Raft): void {
    this.#checkConfigurations(member, group, raft)
    if (!(raft.behaviour instanceof Leader)) return
    for (const { id, window } of raft.behaviour.followers) {
      const within = window.size <= limits.inflightMessagesMax && window.bytes <= limits.inflightBytesMax + this.#messageBytesMax
      if (!within) this.#complain(member, group, `${window.size} messages of ${window.bytes} bytes are under way to ${id}`)
    }
  }

  /** What is wrong with a member of a cluster that rests; undefined: nothing. `waiting`: reads, proposals, questions and payloads. */
  leftOver({ id }: MemberView, group: number, waiting: number): Violation | undefined {
    return waiting === 0
      ? undefined
      : new Violation(this.property, `${waiting} things wait at member ${id} in group ${group} for ever`)
  }

  /** The one that is committed, and those in the log after it. */
  #checkConfigurations(member: MemberView, group: number, raft: Raft): void {
    const { kept } = raft.configurations
    if (kept <= 1) return
    const log = member.memoryLog(group)
    // Commands that have not been carried out: the plane's log is behind the core's.
    if (log.lastIndex !== raft.log.lastIndex) return
    const open = log.configurations.filter(({ index }) => index > raft.commit).length
    if (kept > 1 + open) this.#complain(member, group, `${kept} configurations are kept, of which ${open} may be cut`)
  }

  #complain({ id }: MemberView, group: number, what: string): never {
    throw new Violation(this.property, `member ${id}, group ${group}: ${what}`)
  }
}
