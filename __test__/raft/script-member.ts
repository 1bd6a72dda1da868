// One member of a script: the real core, with every command it gives written down, a disk and a network by hand.

import { type After, type Commands, DURABLE, REPORTED } from '../../src/raft/commands.js'
import type { RaftConfig } from '../../src/raft/config.js'
import type { Outgoing } from '../../src/raft/message.js'
import type { Opened } from '../../src/raft/opened.js'
import { Raft } from '../../src/raft/raft.js'
import { Message } from '../../src/raft/raft-kinds.js'
import { codeName, describeMessage, roleName } from './describe.js'

/** A message under way. */
export interface Letter {
  readonly from: number
  readonly to: number
  readonly message: Outgoing
  /** Flat (term, count) of its entries. */
  readonly runs: readonly number[]
}

const NOTHING: Opened = {
  ...{ term: 0, vote: 0, commit: 0, snapshotIndex: 0, snapshotTerm: 0, lastIndex: 0, applied: 0, recovering: false },
  runs: [],
}

/** A core whose commands become lines of text, and letters. */
export class ScriptMember implements Commands {
  readonly id: number
  raft: Raft
  /** Nothing reaches the disk until `sync`. */
  manualDisk = false
  #config: RaftConfig
  readonly #write: (line: string) => void
  readonly #post: (letter: Letter) => number
  #disk: Opened
  /** Its data directory is marked as new, once what was handed over is on disk. */
  #recovering: boolean
  #held: Letter[] = []
  /** What the core wants to be told of: how far the entries of a message came. */
  #sent: ((raft: Raft) => void)[] = []
  #committed = 0
  #handles = 0
  /** Events of a step that is not over yet; null: each event is a step. */
  #gathered: ((raft: Raft) => void)[] | null = null
  /** Payloads that the core has neither written nor dropped. */
  readonly #payloads = new Set<number>()

  /** `recovering`: on a new data directory. */
  constructor(
    config: RaftConfig,
    now: number,
    recovering: boolean,
    write: (line: string) => void,
    post: (letter: Letter) => number,
  ) {
    this.id = config.id
    this.#config = config
    this.#write = (line) => write(`${config.id} ${line}`)
    this.#post = post
    this.#recovering = recovering
    this.#disk = { ...NOTHING, recovering }
    this.raft = new Raft(config, this, now, this.#disk)
  }

  /** One step of the core at `now`; then its disk and its state machine do their work. */
  step(now: number, events: (raft: Raft) => void): void {
    if (this.#gathered !== null) {
      this.#gathered.push(events)
      return
    }
    this.raft.now = now
    events(this.raft)
    this.raft.flush()
    for (const told of this.#sent.splice(0)) this.step(now, told)
    if (!this.manualDisk) this.sync(now)
    if (this.#committed > this.raft.applied) this.step(now, (raft) => raft.reachedStateMachine(this.#committed))
    if (this.#payloads.size > 0) throw new Error(`${this.id} neither wrote nor dropped payload ${[...this.#payloads].join(', ')}`)
  }

  /** What happens from now on is one step, until `release`. */
  hold(): void {
    this.#gathered = []
  }

  release(now: number): void {
    const gathered = this.#gathered ?? []
    this.#gathered = null
    this.step(now, (raft) => {
      for (const events of gathered) events(raft)
    })
  }

  /** What was handed over becomes durable. */
  sync(now: number): void {
    const { log, term, vote, commit, durable, applied } = this.raft
    this.#disk = {
      ...{ term, vote, commit: Math.min(commit, log.lastIndex), snapshotIndex: log.baseIndex, snapshotTerm: log.baseTerm },
      ...{ lastIndex: log.lastIndex, applied, recovering: this.#recovering, runs: log.runs.flat() },
    }
    for (const letter of this.#held.splice(0)) this.#post(letter)
    if (log.lastIndex > durable) this.step(now, (raft) => raft.reachedDisk(log.lastIndex, log.lastTerm))
  }

  /** The process starts again, with what its disk holds. */
  restart(now: number, electionTimeout = this.#config.electionTimeout, promisedBefore = electionTimeout): void {
    this.#config = { ...this.#config, electionTimeout, promisedBefore }
    this.#held = []
    this.#recovering = this.#disk.recovering
    this.#committed = this.#disk.applied
    this.raft = new Raft(this.#config, this, now, this.#disk)
    this.step(now, () => {})
  }

  /** The process starts again, on a new data directory. */
  lose(now: number): void {
    this.#disk = { ...NOTHING, recovering: true }
    this.restart(now)
  }

  /** A letter arrives. */
  receive(now: number, { from, message, runs }: Letter): void {
    if (runs.length > 0) this.#handles += 1
    const handle = runs.length > 0 ? this.#handles : 0
    if (handle > 0) this.#payloads.add(handle)
    this.step(now, (raft) => {
      const { refused } = raft
      raft.receive({ ...message, from, handle, bytes: 0, runs, flaw: '' })
      if (raft.refused > refused) this.#write(`not believed: ${raft.refusal}`)
    })
  }

  // ── commands ──

  accept(firstIndex: number, term: number, count: number): void {
    this.#write(`accept ${firstIndex}..${firstIndex + count - 1} term ${term}`)
  }
  noop(index: number, term: number): void {
    this.#write(`noop ${index} term ${term}`)
  }
  append(handle: number, firstIndex: number, skip: number, runs: readonly number[]): void {
    this.#take(handle)
    const shown = runs.map((value, i) => (i % 2 === 0 ? `term ${value}` : `× ${value}`)).join(' ')
    this.#write(`append at ${firstIndex}${skip > 0 ? ` skip ${skip}` : ''} ${shown}`)
  }
  drop(handle: number): void {
    this.#take(handle)
    this.#write('drop payload')
  }
  persist(term: number, vote: number, commit: number): void {
    this.#write(`persist term ${term} vote ${vote} commit ${commit}`)
  }
  send(to: number, message: Outgoing, after: After): void {
    const { first, end } = message.kind === Message.APPEND ? message : { first: 0, end: 0 }
    if (end <= first && (first !== 0 || end !== 0)) throw new Error(`${this.id} sends no entries as ${first} to ${end}`)
    this.#write(`→ ${to} ${describeMessage(message)}${after === DURABLE ? ' (durable)' : after === REPORTED ? ' (told)' : ''}`)
    const letter = { from: this.id, to, message, runs: this.#runs(first, end) }
    if (after === DURABLE) {
      this.#held.push(letter)
      return
    }
    const count = this.#post(letter)
    if (after === REPORTED) this.#sent.push((raft) => raft.sent(to, first, first + count, 100 * count))
  }
  commit(index: number): void {
    this.#committed = index
    this.#write(`commit ${index}`)
  }
  serveReads(sequence: number, index: number): void {
    this.#write(`serve reads ≤ ${sequence} at ${index}`)
  }
  lease(until: number): void {
    this.#write(until === 0 ? 'lease ends' : `lease until ${until}`)
  }
  role(role: number, term: number, leader: number): void {
    this.#write(`role ${roleName(role)} term ${term} leader ${leader}`)
  }
  fail(code: number): void {
    this.#write(`fail ${codeName(code)}`)
  }
  snapshotSend(peer: number): void {
    this.#write(`send snapshot to ${peer}`)
  }
  cut(index: number): void {
    this.#write(`cut ${index}`)
  }
  restore(index: number, term: number): void {
    this.#write(`restore ${index}/${term}`)
  }
  recovered(): void {
    this.#recovering = false
    this.#write('recovered')
  }

  transferOver(peer: number, code: number): void {
    this.#write(`transfer to ${peer} over: ${codeName(code)}`)
  }

  #take(handle: number): void {
    if (!this.#payloads.delete(handle)) throw new Error(`${this.id} has no payload ${handle}`)
  }

  #runs(first: number, end: number): number[] {
    const runs: number[] = []
    for (let index = first; index < end; index += 1) {
      const term = this.raft.log.term(index)
      if (term === runs.at(-2)) runs[runs.length - 1]! += 1
      else runs.push(term, 1)
    }
    return runs
  }
}
