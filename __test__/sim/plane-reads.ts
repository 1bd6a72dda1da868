// Linearizable reads of one group at a simulated plane: at a leader those that wait to be confirmed, at a follower the question to
// its leader, and at both what waits to be applied; as crates/plane/src/state/waiting_reads.rs has it. Knows no entries and no messages of cores.
import { Code } from '../../src/codes.js'
import { Event } from '../../src/plane/record-kinds.js'
import { Role } from '../../src/raft/raft-kinds.js'
import type { GroupState } from './plane-group.js'
import { type Packet, READ_INDEX, READ_REPLY, type Surroundings } from './plane-world.js'

/** Called with the applied index that answered, or with a code. */
export type ReadDone = (index: number, code: number) => void

/** Milliseconds after which an unanswered question is asked again. */
const ASKED_MS_MAX = 200

/** What waits: a client's read, or the question of another member, which is answered once the index is applied here. */
type Read = { readonly done: ReadDone } | { readonly peer: number; readonly id: number }

/** A follower's question under way. */
interface Asked {
  readonly id: number
  readonly leader: number
  readonly reads: readonly Read[]
}

/** What a group's reads need of their plane. */
export interface ReadsPlane {
  readonly id: number
  readonly world: Surroundings
  readonly leasedReadsWait: boolean
  report(record: number[]): void
  send(packet: Packet): void
}

/** The reads of one group. */
export class GroupReads {
  readonly #plane: ReadsPlane
  readonly #group: number
  readonly #state: GroupState
  #sequence = 0
  /** Wait for the core to confirm leadership. */
  #unconfirmed: { readonly sequence: number; readonly read: Read }[] = []
  /** Confirmed: wait for an index to be applied. */
  #unapplied: { readonly index: number; readonly read: Read }[] = []
  #asked: Asked | undefined
  /** Came while a question was under way: the next one is for them all. */
  #unasked: Read[] = []
  /** Questions count up from a number that no other life has. */
  #questions: number

  constructor(plane: ReadsPlane, group: number, state: GroupState) {
    this.#plane = plane
    this.#group = group
    this.#state = state
    // Of the clock, not of the world's random numbers: seeds that were found before there were questions draw what they drew.
    this.#questions = Math.floor(plane.world.clock() * 1e6)
  }

  /** The number of the question under way; 0: none is. */
  get asked(): number {
    return this.#asked?.id ?? 0
  }

  /** Reads and questions that have no answer. */
  get waiting(): number {
    return this.#unconfirmed.length + this.#unapplied.length + this.#unasked.length + (this.#asked?.reads.length ?? 0)
  }

  /** A client's read. False: nobody is known who could confirm it. */
  read(done: ReadDone): boolean {
    if (this.#state.role !== Role.LEADER && this.#state.leader === 0) return false
    this.#begin({ done })
    return true
  }

  /** A question, or the answer to one. */
  receive({ from, kind, term, fields }: Packet): void {
    const [id = 0, code = 0, index = 0] = fields
    if (kind === READ_INDEX) this.#begin({ peer: from, id })
    else this.#answered(from, id, code, index, term)
  }

  /** The core confirms what asked up to `sequence`. */
  confirm(sequence: number, index: number): void {
    const confirmed = this.#unconfirmed.filter((each) => each.sequence <= sequence)
    this.#unconfirmed = this.#unconfirmed.filter((each) => each.sequence > sequence)
    for (const { read } of confirmed) this.#unapplied.push({ index, read })
    this.applied()
  }

  /** More has been applied. */
  applied(): void {
    const { index: applied } = this.#state.machine.state
    const ready = this.#unapplied.filter(({ index }) => index <= applied)
    if (ready.length === 0) return
    this.#unapplied = this.#unapplied.filter(({ index }) => index > applied)
    for (const { read } of ready) this.#serve(read)
  }

  /** Fails what waits for a leader. */
  fail(code: number): void {
    const waiting = [...this.#unconfirmed.map(({ read }) => read), ...(this.#asked?.reads ?? []), ...this.#unasked]
    this.#unconfirmed = []
    this.#asked = undefined
    this.#unasked = []
    for (const read of waiting) this.#fail(read, code)
  }

  /** Another leads, or nobody. `last`: of the log. */
  leaderChanged(last: number): void {
    if (this.#state.role === Role.LEADER) return
    this.fail(Code.NO_LEADER)
    const beyond = this.#unapplied.filter(({ index }) => index > last)
    this.#unapplied = this.#unapplied.filter(({ index }) => index <= last)
    for (const { read } of beyond) this.#fail(read, Code.NO_LEADER)
  }

  #begin(read: Read): void {
    const { role, leaseUntil, committed } = this.#state
    if (role === Role.LEADER && this.#plane.world.clock() < leaseUntil) {
      // A question is answered at once: who asked waits until it has applied it itself.
      if ('peer' in read) this.#serve(read)
      else this.#awaitApplied(read, this.#plane.leasedReadsWait ? committed : 0)
    } else if (role === Role.LEADER) {
      this.#sequence += 1
      this.#unconfirmed.push({ sequence: this.#sequence, read })
      this.#plane.report([Event.READS, this.#group, this.#sequence])
    } else if ('peer' in read) this.#fail(read, Code.NO_LEADER)
    else {
      this.#unasked.push(read)
      this.#ask()
    }
  }

  #awaitApplied(read: Read, index: number): void {
    this.#unapplied.push({ index, read })
    this.applied()
  }

  #serve(read: Read): void {
    const { machine, committed } = this.#state
    if ('peer' in read) this.#reply(read.peer, read.id, Code.OK, committed)
    else read.done(machine.state.index, Code.OK)
  }

  #fail(read: Read, code: number): void {
    if ('peer' in read) this.#reply(read.peer, read.id, code, 0)
    else read.done(0, code)
  }

  /** One question for all that wait. */
  #ask(): void {
    const { leader } = this.#state
    if (this.#asked !== undefined || this.#unasked.length === 0 || leader === 0) return
    this.#questions += 1
    const id = this.#questions
    this.#asked = { id, leader, reads: this.#unasked }
    this.#unasked = []
    this.#send(leader, READ_INDEX, this.#state.term, [id])
    this.#plane.world.scheduler.after(ASKED_MS_MAX, () => {
      if (this.#asked?.id !== id) return
      this.#unasked.push(...this.#asked.reads)
      this.#asked = undefined
      this.#ask()
    })
  }

  #answered(from: number, id: number, code: number, index: number, term: number): void {
    if (this.#asked === undefined || this.#asked.id !== id || this.#asked.leader !== from) return
    const { reads } = this.#asked
    this.#asked = undefined
    if (code === Code.OK && index > this.#state.committed) this.#plane.report([Event.COMMITTED, this.#group, index, term])
    for (const read of reads) {
      if (code === Code.OK) this.#awaitApplied(read, index)
      else this.#fail(read, code)
    }
    this.#ask()
  }

  /** The entry at a committed index that a leader names is of the term in which it led; see `answer_read_index` of the native plane. */
  #reply(to: number, id: number, code: number, index: number): void {
    this.#send(to, READ_REPLY, this.#state.term, [id, code, index])
  }

  #send(to: number, kind: number, term: number, fields: readonly number[]): void {
    this.#plane.send({ from: this.#plane.id, to, group: this.#group, kind, term, fields, entries: [] })
  }
}
