// Writes that a client hands to a member which does not lead: forwarded to the leader under numbers of this member's own, as
// crates/plane/src/requests/forwards.rs has it. What gets no answer is lost: its asker sends it again. Knows no messages of cores.
import { Code } from '../../src/codes.js'
import { Role } from '../../src/raft/raft-kinds.js'
import type { Entry } from './member-log.js'
import type { Chunk, GroupState, WriteDone } from './plane-group.js'
import { FORWARD, FORWARD_REPLY, type Packet, type Surroundings } from './plane-world.js'

/** Milliseconds after which nobody waits for an answer any more. */
const FORWARDED_MS_MAX = 5_000

/** What a group's forwards need of their plane. */
export interface ForwardsPlane {
  readonly id: number
  readonly world: Surroundings
  propose(group: number, values: Chunk['values']): boolean
  send(packet: Packet): void
}

/** The writes of one group that this member takes for its clients. */
export class GroupForwards {
  readonly #plane: ForwardsPlane
  readonly #group: number
  readonly #state: GroupState
  readonly #pending = new Map<number, { readonly leader: number; readonly done: WriteDone }>()
  /** Numbers count up from one that no other life has. */
  #ids: number

  constructor(plane: ForwardsPlane, group: number, state: GroupState) {
    this.#plane = plane
    this.#group = group
    this.#state = state
    this.#ids = Math.floor(plane.world.clock() * 1e6)
  }

  /** A client's write. False: nobody is known to lead. */
  write(entry: Entry, done: WriteDone): boolean {
    const { leader, role } = this.#state
    if (role === Role.LEADER) return this.#plane.propose(this.#group, [{ ...entry, done }])
    if (leader === 0) return false
    this.#ids += 1
    const id = this.#ids
    this.#pending.set(id, { leader, done })
    this.#plane.world.scheduler.after(FORWARDED_MS_MAX, () => this.#pending.delete(id))
    this.#send(leader, FORWARD, [id], [entry])
    return true
  }

  /** A write of another member's client, or the answer to one of this member's. */
  receive({ from, kind, fields, entries }: Packet): void {
    const [id = 0, code = 0, index = 0, held = 0] = fields
    if (kind === FORWARD_REPLY) {
      const pending = this.#pending.get(id)
      if (pending?.leader !== from) return
      this.#pending.delete(id)
      pending.done(index, code, held === 1)
      return
    }
    const done: WriteDone = (...[at, failed, holds]) =>
      this.#send(from, FORWARD_REPLY, [id, failed, at, holds === true ? 1 : 0], [])
    // It goes no further: who is asked and does not lead says so.
    const taken = this.#plane.propose(this.#group, [{ ...entries[0]!, done }])
    if (!taken) done(0, Code.NOT_LEADER)
  }

  #send(to: number, kind: number, fields: readonly number[], entries: readonly Entry[]): void {
    this.#plane.send({ from: this.#plane.id, to, group: this.#group, kind, term: this.#state.term, fields, entries })
  }
}
