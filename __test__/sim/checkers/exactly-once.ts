// Exactly once: an operation that a client sent once or more took effect once at each member, in its turn.
import { type Checker, type MemberView, Violation } from '../checker.js'
import type { Entry } from '../member-log.js'
import type { Operation, SessionStore } from '../session-store.js'

export class ExactlyOnce implements Checker {
  readonly property = 'exactly once'
  readonly #store: (member: MemberView, group: number) => SessionStore
  /** By client: the last one that was acknowledged. */
  readonly #acknowledged: number[] = []

  /** `store`: what a member's state machine holds of clients with sessions. */
  constructor(store: (member: MemberView, group: number) => SessionStore) {
    this.#store = store
  }

  /** What was applied before this entry: each client numbers what it does one by one. */
  onApply(member: MemberView, group: number, index: number, { operation }: Entry): void {
    if (operation === undefined) return
    const { last, effects } = this.#store(member, group)
    const [sequence = 0] = last[operation.client] ?? []
    const count = effects[operation.client] ?? 0
    if (count === sequence && operation.sequence <= sequence + 1) return
    const detail = `before ${index} of group ${group}, ${count} operations of client ${operation.client} took effect at ${member.id}`
    throw new Violation(this.property, `${detail}, the last is number ${sequence}, and ${operation.sequence} follows`)
  }

  onOperation(group: number, { client, sequence }: Operation): void {
    const before = this.#acknowledged[client] ?? 0
    if (sequence !== before + 1) {
      throw new Violation(this.property, `${sequence} of client ${client} in group ${group} was acknowledged after ${before}`)
    }
    this.#acknowledged[client] = sequence
  }
}
