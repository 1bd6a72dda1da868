// The simulated data plane of one member: carries out the core's commands and reports events in the layouts of
// crates/codec/FORMATS.md. Real entries, virtual time; the disk, the network and the clock belong to the world around it.
import { Code } from '../../src/codes.js'
import type { Plane } from '../../src/plane/plane.js'
import { Command, Event } from '../../src/plane/record-kinds.js'
import { DURABLE, REPORTED } from '../../src/raft/commands.js'
import type { Wish } from '../../src/raft/configuration.js'
import { Role } from '../../src/raft/raft-kinds.js'
import type { MemberView } from './checker.js'
import { Disk } from './disk.js'
import { applied, type State, stripped, witnessed } from './machine.js'
import { type Configured, countRuns, durableIndex, type Entry, entriesToSend, type MemberLog } from './member-log.js'
import { GroupForwards } from './plane-forwards.js'
import { type Chunk, type GroupState, newGroup, type TransferDone, type WriteDone } from './plane-group.js'
import { configurationRecord, openedRecords } from './plane-opened.js'
import { GroupReads, type ReadDone } from './plane-reads.js'
import { bytesOf, type Durable, FORWARD, type Packet, type PlaneTimes, READ_INDEX, type Surroundings } from './plane-world.js'

export type { Durable, Packet, PlaneTimes, Surroundings } from './plane-world.js'

/** One member's plane. A crash ends it; a restart makes a new one from the same durable parts. */
export class SimulatedPlane implements Plane, MemberView {
  readonly id: number
  readonly disk: Disk
  readonly #world: Surroundings
  readonly #times: PlaneTimes
  readonly #groups: GroupState[]
  readonly #reads: GroupReads[]
  readonly #forwards: GroupForwards[]
  readonly #durable: Durable
  readonly #payloads = new Map<number, readonly Entry[]>()
  #events: number[][] = []
  #handles = 0
  #askers = 0
  readonly #changes = new Map<number, (code: number) => void>()
  #stopped = false
  #applyFrozen = false
  /** Snapshots that the state machine takes once it goes on. */
  #held: (() => void)[] = []

  constructor(id: number, world: Surroundings, times: PlaneTimes, durable: Durable) {
    this.id = id
    this.#world = world
    this.#times = times
    this.#durable = durable
    this.disk = new Disk(world.scheduler, world.random, times.disk, durable.logs, durable.cache, (groups) => this.#synced(groups))
    this.#groups = durable.logs.map((log, group) => newGroup(log.copy(), durable.machines[group]!))
    const own = {
      ...{ id, world, leasedReadsWait: times.leasedReadsWait, report: (record: number[]) => this.#report(record) },
      send: (packet: Packet) => this.#carry(packet),
      propose: (group: number, values: Chunk['values']) => this.propose(group, values),
    }
    this.#reads = this.#groups.map((state, group) => new GroupReads(own, group, state))
    this.#forwards = this.#groups.map((state, group) => new GroupForwards(own, group, state))
    for (let group = 0; group < this.#groups.length; group += 1) this.#open(group)
  }

  // ── for the worker ──

  /** Runs the world until there are events or the time is up: for a plane that is tested alone. */
  exchange(commands: Float64Array, length: number, events: Float64Array, timeoutMs: number): number {
    this.submit(commands, length)
    const { scheduler } = this.#world
    const until = scheduler.now + timeoutMs
    while (!this.hasEvents && scheduler.step(until));
    if (!this.hasEvents) scheduler.run(until)
    return this.collect(events)
  }

  /** Whether `collect` would find any. */
  get hasEvents(): boolean {
    return this.#events.length > 0
  }

  /** Fills the events array; what does not fit stays. */
  collect(events: Float64Array): number {
    let length = 2
    let taken = 0
    for (const record of this.#events) {
      if (length + record.length > events.length) break
      for (let i = 0; i < record.length; i += 1) events[length + i] = record[i]!
      length += record.length
      taken += 1
      if (record[0] === Event.PROPOSALS) this.#groups[record[1]!]!.proposals.find((chunk) => !chunk.announced)!.announced = true
    }
    this.#events = this.#events.slice(taken)
    events[0] = length
    events[1] = this.#world.clock()
    return length
  }

  /** Carries out commands. */
  submit(commands: Float64Array, length: number): void {
    let at = 0
    while (at < length) at += this.#command(commands, at)
    if (at !== length) throw new Error(`commands end inside a record: ${at} of ${length}`)
  }

  // ── for the world ──

  /** The state machine hangs: nothing is applied until `thaw`. */
  freezeApply(): void {
    this.#applyFrozen = true
  }

  /** Disk and state machine go on. */
  thaw(): void {
    this.disk.thaw()
    if (!this.#applyFrozen) return
    this.#applyFrozen = false
    for (const install of this.#held.splice(0)) install()
    for (const [group, state] of this.#groups.entries()) this.#apply(state, group)
  }

  /** The process is gone. */
  crash(): void {
    this.#stopped = true
    this.disk.crash()
  }

  /** Writes of one client in one turn: one chunk. Fails at once on a member that does not lead. */
  propose(group: number, values: Chunk['values']): boolean {
    const state = this.#groups[group]!
    if (this.#stopped || state.role !== Role.LEADER) return false
    state.proposals.push({ values, announced: false })
    this.#report([Event.PROPOSALS, group, values.length, bytesOf(values)])
    return true
  }

  /** A client's write, by way of the leader. False: nobody is known to lead. */
  write(group: number, entry: Entry, done: WriteDone): boolean {
    return !this.#stopped && this.#forwards[group]!.write(entry, done)
  }

  /** A linearizable read: under the lease once what is committed is applied, else confirmed by the core, or by the leader. */
  read(group: number, done: ReadDone): boolean {
    return !this.#stopped && !this.#world.isWitness && this.#reads[group]!.read(done)
  }

  /** Asks for a leader transfer; `done` is told how it ended. */
  transfer(group: number, peer: number, done: TransferDone = () => {}): void {
    this.#groups[group]!.transfers.wait(peer, done)
    this.#report([Event.TRANSFER, group, peer])
  }

  /** Asks for other members; `done` is told what became of it. */
  change(group: number, { from, isForced, parts }: Wish, done: (code: number) => void): void {
    this.#askers += 1
    this.#changes.set(this.#askers, done)
    this.#report([Event.CHANGE, group, this.#askers, from, isForced ? 1 : 0, parts.length / 2, ...parts])
  }

  /** A member can be reached now, or not any more. */
  peer(peer: number, up: boolean): void {
    this.#report([Event.PEER, 0, peer, up ? 1 : 0, 1])
  }

  /** Asks the worker to stop. */
  askToClose(): void {
    this.#report([Event.CLOSE, 0])
  }

  /** The store writes its state out. */
  persist(group: number): void {
    const { machine, log } = this.#groups[group]!
    machine.persisted = machine.state
    this.#durable.machines[group]!.persisted = machine.state
    this.#report([Event.PERSISTED, group, machine.persisted.index, log.bytes * this.#times.logScale])
  }

  /** A message arrived. */
  receive(packet: Packet): void {
    if (this.#stopped) return
    if (packet.kind >= READ_INDEX) {
      const to = packet.kind >= FORWARD ? this.#forwards : this.#reads
      to[packet.group]!.receive(packet)
      return
    }
    const { from, kind, term, group, fields, entries } = packet
    if (entries.length === 0) {
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = fields
      this.#report([Event.MESSAGE, group, from, kind, term, 0, a, b, c, d, e, f, 0, 0])
      return
    }
    this.#handles += 1
    const handle = this.#handles
    this.#payloads.set(handle, entries)
    const runs = countRuns(entries)
    entries.forEach(({ parts }, i) => {
      if (parts !== undefined) this.#report(configurationRecord(group, i, 0, parts))
    })
    this.#report([Event.MESSAGE, group, from, kind, term, handle, ...fields, bytesOf(entries), runs.length / 2, ...runs])
  }

  /** A snapshot arrived whole: the store is replaced at once; the log follows when the core says how. */
  install(group: number, state: State, from: number): void {
    if (this.#stopped) return
    if (this.#applyFrozen) return void this.#held.push(() => this.install(group, state, from))
    const here = this.#groups[group]!
    const arrived = this.#world.isWitness ? stripped(state) : state
    if (state.index <= here.machine.state.index) {
      this.#report([Event.SNAPSHOT_INSTALLED, group, 0, state.index, state.term, from])
      return
    }
    here.machine.state = arrived
    here.machine.persisted = arrived
    here.committed = Math.max(here.committed, state.index)
    const { configuration: last } = state
    if (last !== undefined) this.#report(configurationRecord(group, last.index, last.term, last.parts))
    this.#report([Event.SNAPSHOT_INSTALLED, group, 1, state.index, state.term, from])
    this.#reads[group]!.applied()
  }

  // ── for the checkers ──

  role(group: number): number {
    return this.#stopped ? Role.FOLLOWER : this.#groups[group]!.role
  }
  term(group: number): number {
    return this.#groups[group]!.term
  }
  leader(group: number): number {
    return this.#stopped ? 0 : this.#groups[group]!.leader
  }
  memoryLog(group: number): MemberLog {
    return this.#groups[group]!.log
  }
  diskLog(group: number): MemberLog {
    return this.disk.logs[group]!
  }
  configured(group: number): Configured | undefined {
    const { log, machine } = this.#groups[group]!
    return log.configurations.at(-1) ?? machine.state.configuration
  }
  committed(group: number): number {
    return this.#groups[group]!.committed
  }
  hasLease(group: number): boolean {
    return this.role(group) === Role.LEADER && this.#world.clock() < this.#groups[group]!.leaseUntil
  }
  stored(group: number): number {
    return this.#durable.machines[group]!.persisted.index
  }
  state(group: number): State {
    return this.#groups[group]!.machine.state
  }
  /** The question to the leader that is under way; 0: none is. */
  asked(group: number): number {
    return this.#reads[group]!.asked
  }
  /** Reads, proposals and payloads that nothing has become of. */
  waiting(group: number): number {
    return this.#reads[group]!.waiting + this.#groups[group]!.proposals.length + this.#payloads.size
  }
  /** Payloads that the core has neither written nor dropped. */
  get payloads(): number {
    return this.#payloads.size
  }

  // ── commands ──

  #command(array: Float64Array, at: number): number {
    const group = array[at + 1]!
    const state = this.#groups[group]!
    const field = (i: number): number => array[at + 2 + i]!
    switch (array[at]) {
      case Command.ACCEPT:
        this.#accept(state, group, field(0), field(1), field(2))
        return 5
      case Command.NOOP:
        this.#write(state, group, field(0), [{ term: field(1), value: -(field(1) * 16 + this.id), bytes: 8 }])
        return 4
      case Command.APPEND:
        this.#append(state, group, array.subarray(at + 2, at + 6 + 2 * field(3)))
        return 6 + 2 * field(3)
      case Command.DROP:
        if (!this.#payloads.delete(field(0))) throw new Error(`no payload ${field(0)} to drop`)
        return 3
      case Command.PERSIST:
        this.#persist(state, group, field(0), field(1), field(2))
        return 5
      case Command.SEND:
        this.#sendCommand(state, group, array, at + 2)
        return 14
      case Command.COMMIT:
        this.#commit(state, group, field(0))
        return 3
      case Command.SERVE_READS:
        this.#reads[group]!.confirm(field(0), field(1))
        return 4
      case Command.LEASE:
        state.leaseUntil = field(0)
        for (const checker of this.#world.checkers) checker.onLease?.(this, group)
        return 3
      case Command.ROLE:
        this.#role(state, group, field(0), field(1), field(2))
        return 5
      case Command.FAIL:
        this.#fail(state, group, field(0))
        return 3
      case Command.SNAPSHOT_SEND:
        this.#snapshotSend(state, group, field(0))
        return 3
      case Command.CUT:
        this.#cut(state, group, field(0))
        return 3
      case Command.RESTORE:
        this.#restore(state, group, field(0), field(1))
        return 4
      case Command.TRANSFER_OVER:
        state.transfers.over(field(0), state.leader === field(0) ? Code.OK : field(1))
        return 4
      case Command.ROSTER:
        return 3 + 2 * field(0)
      case Command.CONFIGURE: {
        const [index, term] = [field(1), field(2)]
        const parts = [...array.subarray(at + 6, at + 6 + 2 * field(3))]
        this.#write(state, group, index, [{ term, value: -(2 ** 40 + index * 2 ** 20 + term), bytes: 100, parts }])
        return 6 + parts.length
      }
      case Command.CHANGE_OVER:
        this.#changes.get(field(0))?.(field(1))
        this.#changes.delete(field(0))
        return 4
      case Command.RECOVERED:
        for (const checker of this.#world.checkers) checker.onRecovered?.(this, group)
        this.disk.write(group, (log) => log.recovered(), true)
        return 2
      default:
        throw new Error(`unknown command ${array[at]}`)
    }
  }

  #accept(state: GroupState, group: number, first: number, term: number, count: number): void {
    const chunk = state.proposals.shift()
    if (chunk === undefined || !chunk.announced) throw new Error(`accepted a chunk that was not announced, at ${first}`)
    if (chunk.values.length !== count) throw new Error(`accepted ${count} of a chunk of ${chunk.values.length}`)
    for (const { value, done } of chunk.values) state.waiters.set(value, done)
    this.#write(
      state,
      group,
      first,
      chunk.values.map(({ value, bytes, operation }) => ({ term, value, bytes, operation })),
    )
  }

  #append(state: GroupState, group: number, record: Float64Array): void {
    const [handle, first, skip] = [record[0]!, record[1]!, record[2]!]
    const payload = this.#payloads.get(handle)
    if (payload === undefined) throw new Error(`no payload ${handle} to append`)
    this.#payloads.delete(handle)
    const entries = payload.slice(skip)
    const runs = record.subarray(4)
    if (runs.join() !== countRuns(entries).join()) throw new Error(`term runs ${runs} do not describe the payload`)
    this.#write(state, group, first, entries)
  }

  #write(state: GroupState, group: number, first: number, entries: readonly Entry[]): void {
    for (const checker of this.#world.checkers) checker.onWrite?.(this, group, first, entries)
    state.log.write(first, entries)
    this.disk.write(group, (log) => log.write(first, entries))
  }

  #persist(state: GroupState, group: number, term: number, vote: number, commit: number): void {
    const change = (log: MemberLog): void => {
      log.term = term
      log.vote = vote
      log.commit = Math.max(log.commit, commit)
    }
    change(state.log)
    this.disk.write(group, change, true)
  }

  #sendCommand(state: GroupState, group: number, array: Float64Array, at: number): void {
    const [to, kind, term, after] = [array[at]!, array[at + 1]!, array[at + 2]!, array[at + 3]!]
    const fields = [array[at + 4]!, array[at + 5]!, array[at + 6]!, array[at + 7]!, array[at + 8]!, array[at + 9]!]
    const first = array[at + 10]!
    const entries = entriesToSend(state.log, first, array[at + 11]!)
    if (after === REPORTED) {
      this.#report([Event.SENT, group, to, first, first + entries.length, bytesOf(entries)])
    }
    const packet = { from: this.id, to, group, kind, term, fields, entries }
    if (after !== DURABLE) this.#carry(packet)
    else this.disk.whenDurable(() => this.#carry(packet))
  }

  #carry(packet: Packet): void {
    if (!this.#stopped) this.#world.send(packet)
  }

  #commit(state: GroupState, group: number, index: number): void {
    for (const checker of this.#world.checkers) checker.onCommit?.(this, group, index)
    if (index > state.log.lastIndex) throw new Error(`commit ${index} is above what is in the log`)
    state.committed = Math.max(state.committed, index)
    this.#apply(state, group)
  }

  #role(state: GroupState, group: number, role: number, term: number, leader: number): void {
    const before = state.leader
    state.role = role
    state.term = term
    state.leader = leader
    for (const checker of this.#world.checkers) checker.onRole?.(this, group, role, term)
    if (before === leader) return
    this.#reads[group]!.leaderChanged(state.log.lastIndex)
    state.transfers.leaderChanged(leader)
  }

  #fail(state: GroupState, group: number, code: number): void {
    const proposals = state.proposals.splice(0)
    // What was not announced must not be announced any more.
    this.#events = this.#events.filter((record) => record[0] !== Event.PROPOSALS || record[1] !== group)
    for (const chunk of proposals) for (const { done } of chunk.values) done(0, code)
    this.#reads[group]!.fail(code)
  }

  #snapshotSend(state: GroupState, group: number, peer: number): void {
    const snapshot = state.machine.state
    this.#world.sendSnapshot(this.id, peer, group, snapshot, (ok) => {
      this.#report([Event.SNAPSHOT_SENT, group, peer, ok ? 1 : 0, snapshot.index])
    })
  }

  #cut(state: GroupState, group: number, index: number): void {
    if (index > state.machine.persisted.index) throw new Error(`cut at ${index} above what is persisted`)
    state.log.cut(index)
    this.disk.write(group, (log) => log.cut(Math.min(index, log.lastIndex)))
  }

  #restore(state: GroupState, group: number, index: number, term: number): void {
    // A later snapshot may have been installed meanwhile: the core hears of it next.
    if (index > state.machine.state.index) throw new Error(`restore at ${index}, the store is at ${state.machine.state.index}`)
    state.log.reset(index, term)
    this.disk.write(group, (log) => log.reset(index, term))
  }

  // ── what happens by itself ──

  #open(group: number): void {
    const { log, machine } = this.#groups[group]!
    const { index, term } = machine.state
    // A crash came between a snapshot and its log: the store is ahead, and the log begins again after it.
    if (log.termAt(index) !== term) {
      log.follow(index, term)
      this.disk.adjust(group, (copy) => copy.follow(index, term))
    }
    for (const record of openedRecords(group, log, machine.state)) this.#report(record)
  }

  #synced(groups: ReadonlySet<number>): void {
    for (const group of groups) {
      const { log } = this.#groups[group]!
      const disk = this.disk.logs[group]!
      const index = durableIndex(log, disk)
      this.#report([Event.DURABLE, group, index, disk.termAt(index) ?? log.termAt(index)!])
      for (const checker of this.#world.checkers) checker.onDurable?.(this, group)
      this.#apply(this.#groups[group]!, group)
    }
  }

  /** The state machine may be brought up to here: so it is never ahead of the log, also after a crash. */
  #applyTarget(state: GroupState, group: number): number {
    return Math.min(state.committed, durableIndex(state.log, this.disk.logs[group]!))
  }

  #apply(state: GroupState, group: number): void {
    if (this.#applyFrozen || state.applying || state.machine.state.index >= this.#applyTarget(state, group)) return
    state.applying = true
    this.#world.scheduler.after(this.#world.random.next() * this.#times.applyMax, () => {
      state.applying = false
      if (this.#stopped || this.#applyFrozen) return
      this.#applyBatch(state, group)
      this.#apply(state, group)
    })
  }

  #applyBatch(state: GroupState, group: number): void {
    const { machine, log } = state
    const [from, target] = [machine.state.index, this.#applyTarget(state, group)]
    while (machine.state.index < target) {
      const index = machine.state.index + 1
      const entry = this.#world.isWitness ? { ...log.entry(index), operation: undefined } : log.entry(index)
      for (const checker of this.#world.checkers) checker.onApply?.(this, group, index, entry)
      machine.state = this.#world.isWitness ? witnessed(machine.state, entry) : applied(machine.state, entry)
      const { operation } = entry
      state.waiters.get(entry.value)?.(index, 0, operation && machine.state.store.last[operation.client]?.[1])
      state.waiters.delete(entry.value)
    }
    if (machine.state.index === from) return
    this.#report([Event.APPLIED, group, machine.state.index])
    this.#reads[group]!.applied()
    if (this.#world.random.next() < this.#times.persistShare) this.persist(group)
  }

  #report(record: number[]): void {
    if (this.#stopped) return
    this.#events.push(record)
    this.#world.wake()
  }
}
