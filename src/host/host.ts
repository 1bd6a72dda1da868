// All groups of one member: turns the events of one exchange into calls to their cores, and the cores' commands into
// the array of the next exchange. Knows the record layouts of crates/codec/FORMATS.md, not the plane.
import './bounds.js'
import { limits } from '../limits.js'
import { Event } from '../plane/record-kinds.js'
import { assert } from '../raft/assert.js'
import type { Commands } from '../raft/commands.js'
import type { RaftConfig } from '../raft/config.js'
import { type ConfigurationEntry, NO_CONFIGURATIONS } from '../raft/configuration.js'
import { emptyMessage, readContent } from '../raft/message.js'
import type { Opened } from '../raft/opened.js'
import { Raft } from '../raft/raft.js'
import { CommandBuffer } from './command-buffer.js'
import { groupConfig, type HostConfig } from './config.js'
import { EventReader } from './event-reader.js'
import { GroupCommands } from './group-commands.js'
import { Timers } from './timers.js'

/** Longest wait in an exchange, ms: a parked worker has no event loop. */
const PARK_MS_MAX = 50

/** Makes one group's core; tests put broken ones in its place. */
export type CreateRaft = (config: RaftConfig, commands: Commands, now: number, opened: Opened) => Raft

/** The cores of one member. Call `step` with the events of each exchange. */
export class Host {
  /** True once the plane asked for the end. */
  closed = false
  readonly #config: HostConfig
  readonly #create: CreateRaft
  readonly #buffer: CommandBuffer
  readonly #groups: (Raft | undefined)[] = []
  /** Term runs of the group that is opened next, if they take more than one record. */
  #openedRuns: number[] = []
  /** What the next record of a group tells of beside what stands in it. */
  #configurations: ConfigurationEntry[] = []
  /** Groups with events in this step, each once: `#isTouched` says of each whether it is among them. A set would make a table each step. */
  readonly #touched: number[] = []
  readonly #isTouched: boolean[] = []
  readonly #timers = new Timers()
  readonly #events = new EventReader()
  /** Reused for every message. */
  readonly #message = emptyMessage()
  readonly #room: Float64Array
  readonly #noRoom = new Float64Array(2)
  #now = 0

  constructor(
    config: HostConfig,
    buffer: CommandBuffer = new CommandBuffer(),
    create: CreateRaft = (raftConfig, commands, now, opened) => new Raft(raftConfig, commands, now, opened),
    room: Float64Array = new Float64Array(limits.eventsDoublesMax),
  ) {
    assert(config.groups >= 1 && config.groups <= limits.groupsMax, 'number of groups', { groups: config.groups })
    this.#config = config
    this.#buffer = buffer
    this.#create = create
    this.#room = room
  }

  /** What `step` fills. */
  get commands(): Float64Array {
    return this.#buffer.array
  }

  /**
   * Where the next exchange puts its events. While commands wait there is no room for any: the cores must not hear of
   * what happened before their earlier commands were carried out.
   */
  get events(): Float64Array {
    return this.#buffer.hasMore ? this.#noRoom : this.#room
  }

  /** How long the next exchange may block, ms. */
  get timeout(): number {
    if (this.#buffer.hasMore) return 0
    // Whole milliseconds, up: a plane that rounds down would be asked again and again before the deadline.
    return Math.max(0, Math.min(PARK_MS_MAX, Math.ceil(this.#timers.earliest - this.#now)))
  }

  /** The core of a group, for tests and tools; undefined before it is opened. */
  group(group: number): Raft | undefined {
    return this.#groups[group]
  }

  /** Takes the events of one exchange; returns how many doubles of `commands` to hand over with the next. */
  step(events: Float64Array): number {
    this.#buffer.begin()
    const reader = this.#events
    reader.start(events)
    const now = reader.next()
    assert(now >= this.#now, 'time does not go back', { now, before: this.#now })
    this.#now = now
    while (!reader.done) this.#dispatch(reader.next() as Event, reader.next())
    // After the events: what waited while this process was stopped is heard before anybody campaigns.
    this.#timers.run(now, (group) => {
      this.#touch(group).tick()
    })
    for (const group of this.#touched) {
      const raft = this.#opened(group)
      raft.flush()
      this.#timers.set(group, raft.deadline)
      this.#isTouched[group] = false
    }
    this.#touched.length = 0
    this.#timers.refresh(now)
    return this.#buffer.length
  }

  #dispatch(kind: Event, group: number): void {
    const reader = this.#events
    switch (kind) {
      case Event.OPENED:
        this.#open(group)
        break
      case Event.OPENED_RUNS:
        this.#openedRuns = this.#openedRuns.concat(reader.pairs(reader.next()))
        return
      case Event.PROPOSALS:
        this.#touch(group).proposals(reader.next(), reader.next())
        break
      case Event.MESSAGE:
        this.#receive(group)
        break
      case Event.DURABLE:
        this.#touch(group).reachedDisk(reader.next(), reader.next())
        break
      case Event.APPLIED:
        this.#touch(group).reachedStateMachine(reader.next())
        break
      case Event.PEER:
        // Timers alone decide who is gone: a leader's lease outlives its connections.
        reader.pairs(1)
        reader.next()
        return
      case Event.READS:
        this.#touch(group).reads(reader.next())
        break
      case Event.COMMITTED:
        this.#touch(group).committed(reader.next(), reader.next())
        break
      case Event.SENT:
        this.#touch(group).sent(reader.next(), reader.next(), reader.next(), reader.next())
        break
      case Event.SNAPSHOT_SENT:
        this.#touch(group).snapshotSent(reader.next(), reader.next() === 1, reader.next())
        break
      case Event.SNAPSHOT_INSTALLED:
        this.#snapshotInstalled(group)
        break
      case Event.PERSISTED:
        this.#touch(group).persisted(reader.next(), reader.next())
        break
      case Event.TRANSFER:
        this.#touch(group).transfer(reader.next())
        break
      case Event.CLOSE:
        this.closed = true
        return
      case Event.CHANGE:
        this.#touch(group).change(reader.next(), {
          from: reader.next(),
          isForced: reader.next() !== 0,
          parts: reader.pairs(reader.next()),
        })
        break
      case Event.CONFIGURATION:
        this.#configurations.push({ at: reader.next(), term: reader.next(), parts: reader.pairs(reader.next()) })
        return
      default:
        assert(false, 'event of a known kind', { kind: kind satisfies never, group })
    }
  }

  #open(group: number): void {
    const reader = this.#events
    assert(Number.isInteger(group) && group >= 0 && group < this.#config.groups, 'group of this member', { group })
    assert(this.#groups[group] === undefined, 'a group is opened once', { group })
    const opened: Opened = {
      term: reader.next(),
      vote: reader.next(),
      commit: reader.next(),
      snapshotIndex: reader.next(),
      snapshotTerm: reader.next(),
      lastIndex: reader.next(),
      applied: reader.next(),
      recovering: reader.next() === 1,
      runs: this.#openedRuns.concat(reader.pairs(reader.next())),
      configurations: this.#takeConfigurations(),
    }
    this.#openedRuns = []
    const commands = new GroupCommands(this.#buffer, group)
    this.#groups[group] = this.#create(groupConfig(this.#config, group), commands, this.#now, opened)
    this.#touch(group)
  }

  #receive(group: number): void {
    const reader = this.#events
    const message = this.#message
    message.from = reader.next()
    const kind = reader.next()
    message.term = reader.next()
    message.handle = reader.next()
    readContent(message, kind, reader)
    message.bytes = reader.next()
    message.runs = reader.pairs(reader.next())
    message.configurations = this.#takeConfigurations()
    // A peer may name any group, and one may not be open yet.
    if (this.#groups[group] !== undefined) this.#touch(group).receive(message)
    else if (message.handle !== 0) new GroupCommands(this.#buffer, group).drop(message.handle)
  }

  #snapshotInstalled(group: number): void {
    const reader = this.#events
    const ok = reader.next() === 1
    const index = reader.next()
    const term = reader.next()
    const from = reader.next()
    this.#touch(group).snapshotInstalled(ok, index, term, from, this.#takeConfigurations()[0])
  }

  /** Those that came for the record that is being read. */
  #takeConfigurations(): readonly ConfigurationEntry[] {
    if (this.#configurations.length === 0) return NO_CONFIGURATIONS
    const taken = this.#configurations
    this.#configurations = []
    return taken
  }

  /** The group's core, brought to the time of this step. */
  #touch(group: number): Raft {
    const raft = this.#opened(group)
    raft.now = this.#now
    if (this.#isTouched[group] !== true) {
      this.#isTouched[group] = true
      this.#touched.push(group)
    }
    return raft
  }

  #opened(group: number): Raft {
    const raft = this.#groups[group]
    assert(raft !== undefined, 'the group is open', { group })
    return raft
  }
}
