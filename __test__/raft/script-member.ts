// One member of a script: the real core, with every command it gives written down, a disk and a network by hand.

import { type After, type Commands, DURABLE, REPORTED } from '../../src/raft/commands.js'
import type { RaftConfig } from '../../src/raft/config.js'
import type { ConfigurationEntry, Parts } from '../../src/raft/configuration.js'
import type { Outgoing } from '../../src/raft/message.js'
import type { Opened } from '../../src/raft/opened.js'
import { Raft } from '../../src/raft/raft.js'
import { Message } from '../../src/raft/raft-kinds.js'
import { codeName, describeMessage, describeParts, roleName } from './describe.js'

/** A message under way. */
export interface Letter {
  readonly from: number
  readonly to: number
  readonly message: Outgoing
  /** Flat (term, count) of its entries. */
  readonly runs: readonly number[]
  /** Those of its entries that are configurations. */
  readonly configurations: readonly ConfigurationEntry[]
}

const NOTHING: Opened = {
  ...{ term: 0, vote: 0, commit: 0, snapshotIndex: 0, snapshotTerm: 0, lastIndex: 0, applied: 0, recovering: false },
  runs: [],
}

/** When a message is sent, as scripts write it; by number of `After`. */
const AFTER: Record<After, string> = ['', ' (durable)', ' (told)', ' (beside)']

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
  /** Payloads that the core has neither written nor dropped, with the configurations in them. */
  readonly #payloads = new Map<number, readonly ConfigurationEntry[]>()
  /** Those of its log; the one before the log's first entry is that of the store. */
  #configurations: ConfigurationEntry[] = []

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
    if (this.#payloads.size > 0)
      throw new Error(`${this.id} neither wrote nor dropped payload ${[...this.#payloads.keys()].join(', ')}`)
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
      configurations: this.#configurations,
    }
    for (const letter of this.#held.splice(0)) this.#post(letter)
    if (log.lastIndex > durable) this.step(now, (raft) => raft.reachedDisk(log.lastIndex, log.lastTerm))
  }

  /** The process starts again, with what its disk holds. */
  restart(now: number, electionTimeout = this.#config.electionTimeout, promisedBefore = electionTimeout): void {
    this.#config = { ...this.#config, electionTimeout, promisedBefore }
    this.#held = []
    this.#configurations = [...(this.#disk.configurations ?? [])]
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
  receive(now: number, { from, message, runs, configurations }: Letter): void {
    if (runs.length > 0) this.#handles += 1
    const handle = runs.length > 0 ? this.#handles : 0
    if (handle > 0) this.#payloads.set(handle, configurations)
    this.step(now, (raft) => {
      const { refused } = raft
      raft.receive({ ...message, from, handle, bytes: 0, runs, configurations, flaw: '' })
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
    const first = firstIndex - skip
    const taken = this.#take(handle).filter(({ at }) => at >= skip)
    const log = this.#configurations.filter(({ at }) => at < firstIndex)
    this.#configurations = [...log, ...taken.map(({ at, parts }) => ({ at: first + at, term: termAt(runs, at - skip), parts }))]
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
    this.#write(`→ ${to} ${describeMessage(message)}${AFTER[after]}`)
    const within = this.#configurations.filter(({ at }) => at >= first && at < end)
    const configurations = within.map(({ at, parts }) => ({ at: at - first, term: 0, parts }))
    const letter = { from: this.id, to, message, runs: this.#runs(first, end), configurations }
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
  roster(members: readonly number[]): void {
    this.#write(`roster ${members.join(' ')}`)
  }

  configure(_asker: number, index: number, term: number, parts: Parts): void {
    this.#configurations.push({ at: index, term, parts })
    this.#write(`configure ${index} term ${term}: ${describeParts(parts)}`)
  }
  changeOver(asker: number, code: number): void {
    this.#write(`change ${asker} over: ${codeName(code)}`)
  }

  /** What a snapshot of its state holds: the last configuration up to there. */
  configurationAt(index: number): ConfigurationEntry | undefined {
    return this.#configurations.findLast(({ at }) => at <= index)
  }

  /** The store holds this one. */
  restoreConfiguration(configuration: ConfigurationEntry | undefined): void {
    this.#configurations = configuration === undefined ? [] : [configuration]
  }

  #take(handle: number): readonly ConfigurationEntry[] {
    const payload = this.#payloads.get(handle)
    if (payload === undefined) throw new Error(`${this.id} has no payload ${handle}`)
    this.#payloads.delete(handle)
    return payload
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

/** The term of the entry after `skip` others, of flat (term, count). */
function termAt(runs: readonly number[], skip: number): number {
  let left = skip
  for (let i = 0; i < runs.length; i += 2) {
    if (left < runs[i + 1]!) return runs[i]!
    left -= runs[i + 1]!
  }
  throw new Error('the payload ends before')
}
