// One member of a simulated cluster: the real host and cores over a simulated plane, with a clock that drifts, a process
// that can be stopped and continued, and a machine that can crash. Knows no checks and no faults' timing.
import { CommandBuffer } from '../../src/host/command-buffer.js'
import type { HostConfig } from '../../src/host/config.js'
import { type CreateRaft, Host } from '../../src/host/host.js'
import type { Random } from '../../src/raft/random.js'
import { Violation } from './checker.js'
import { EMPTY, Machine, type State } from './machine.js'
import { MemberLog } from './member-log.js'
import { PageCache } from './page-cache.js'
import type { Durable, Packet, PlaneTimes, Surroundings } from './plane.js'
import { SimulatedPlane } from './plane.js'
import type { Scheduler } from './scheduler.js'

/** What surrounds one member. */
export interface NodeWorld extends Omit<Surroundings, 'clock' | 'wake' | 'isWitness'> {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly times: PlaneTimes
  /** Share of steps between whose events and commands the thread stands still, and for how long at most, ms. */
  stallShare: number
  stallMax: number
  /** Entries count as durable before they are synced, every so many ms; undefined: not before. */
  readonly syncInterval: number | undefined
  /** One of them is a factor of the election timeout, from one start of a member to the next. */
  readonly timeoutFactors: readonly number[]
}

/** How a canary breaks a member. */
export interface Sabotage {
  createRaft?: CreateRaft
  /** Changes what a restart finds. */
  restart?(log: MemberLog): void
  /** A member does not refuse one of another protocol, and takes what that says for this. */
  misread?(packet: Packet): Packet
  /** Makes a plane of its own kind. */
  createPlane?: (...args: ConstructorParameters<typeof SimulatedPlane>) => SimulatedPlane
}

/** Doubles of a simulated member's commands array: few, so that commands also wait for later exchanges. */
const COMMANDS_DOUBLES = 1024
const EVENTS_DOUBLES = 4096

/** A member that can crash and come back. */
export class Node {
  readonly id: number
  /** It has no data. */
  readonly isWitness: boolean
  plane: SimulatedPlane
  host: Host
  alive = true
  /** It will not come back. */
  lost = false
  /** Of its program: an upgrade is a restart with the next one. */
  protocol = 0
  readonly #config: HostConfig
  readonly #world: NodeWorld
  readonly #sabotage: Sabotage
  #rate: number
  #offset: number
  /** What its clock says while the machine is suspended; null while it is not. */
  #suspendedAt: number | null = null
  #durable: Durable
  /** The longest election timeout with which it ran on its data directory, which says so, ms. */
  #promisedBefore = 0
  /** What an exchange brings; the next one begins only when the cores have had it. */
  readonly #events = new Float64Array(EVENTS_DOUBLES)
  /** Counts crashes: what was scheduled before one is void. */
  #incarnation = 0
  #wakeAt = Number.POSITIVE_INFINITY
  #busy = false
  /** What the stopped process will do when it continues; null while it runs. */
  #stopped: (() => void)[] | null = null
  /** The same for its worker thread: which of the threads continues first is up to the machine. */
  #stoppedWorker: (() => void)[] = []

  /** `recovering`: on a new data directory. `drift`: how much faster (or slower) than real time its clock runs, as a share. */
  constructor(config: HostConfig, world: NodeWorld, sabotage: Sabotage, recovering: boolean, drift: number, isWitness = false) {
    this.id = config.id
    this.isWitness = isWitness
    this.#config = config
    this.#world = world
    this.#sabotage = sabotage
    this.#rate = 1 + drift
    this.#offset = world.random.between(0, 1e6)
    this.#durable = this.#emptyDisk(recovering)
    this.#syncLater()
    ;({ plane: this.plane, host: this.host } = this.#start())
  }

  /** This member's clock, ms. */
  clock(): number {
    return this.#suspendedAt ?? this.#offset + this.#world.scheduler.now * this.#rate
  }

  /** Its clock goes so much faster than real time from now on, as a share. */
  setDrift(drift: number): void {
    this.#offset += this.#world.scheduler.now * (this.#rate - 1 - drift)
    this.#rate = 1 + drift
  }

  /** Its clock leaps ahead. */
  leap(time: number): void {
    this.#offset += time
    if (this.#suspendedAt !== null) this.#suspendedAt += time
  }

  /** The machine is suspended, as a hypervisor does: its clock stands still with it. */
  suspend(): void {
    if (!this.alive || this.#stopped !== null) return
    this.#suspendedAt = this.clock()
    this.pause()
  }

  /** It goes on where it was. */
  wake(): void {
    if (this.#suspendedAt === null) return
    this.#runClock()
    this.resume()
  }

  /** Neither its threads nor its disk stand still by themselves from now on. */
  steady(): void {
    const { times } = this.#world
    this.#world.stallShare = 0
    times.disk = { ...times.disk, stallShare: 0 }
    this.plane.disk.times = times.disk
  }

  /** Changes whenever its process ends. */
  get life(): number {
    return this.#incarnation
  }

  /** The machine stops, and what was not on its disk is gone. */
  crash(): void {
    if (!this.alive) return
    this.alive = false
    this.#incarnation += 1
    this.#runClock()
    this.#stopped = null
    this.#stoppedWorker = []
    this.plane.crash()
  }

  /** The machine is gone, and all that it held. */
  lose(): void {
    this.crash()
    this.lost = true
  }

  /** It stops, if it runs, and its data directory goes. */
  wipe(): void {
    this.crash()
    for (const checker of this.#world.checkers) checker.onWipe?.(this.plane, this.#config.groups)
    this.#durable = this.#emptyDisk(true)
    this.#promisedBefore = 0
  }

  /** Its machine loses power: what was not synced may be gone, and then its data is marked. */
  losePower(): void {
    this.crash()
    const { cache } = this.#durable
    if (cache === null) return
    for (const checker of this.#world.checkers) checker.onWipe?.(this.plane, this.#config.groups)
    const logs = cache.losePower(this.#world.random)
    this.#durable = { ...this.#durable, logs, cache: new PageCache(logs) }
  }

  /** Index of the configuration by which its core decides; 0: that of the founding. */
  configured(group: number): number {
    return this.host.group(group)?.configurations.current.index ?? 0
  }

  /** Whether no group's data is marked as new on its disk. */
  get whole(): boolean {
    return this.#durable.logs.every((log) => !log.recovering)
  }

  /** Whether it knows for good, in every group, that there was an election. */
  get knowsOfElections(): boolean {
    return this.#durable.logs.every((log) => log.term > 0)
  }

  /** A new process on the same disk. */
  restart(): void {
    if (this.alive || this.lost) return
    this.alive = true
    for (const log of this.#durable.logs) this.#sabotage.restart?.(log)
    const machines = this.#durable.machines.map(({ persisted }) => new Machine(persisted))
    this.#durable = { ...this.#durable, machines }
    ;({ plane: this.plane, host: this.host } = this.#start())
    for (const checker of this.#world.checkers) checker.onRestart?.(this.plane, this.#config.groups)
  }

  /** SIGSTOP: everything of the process waits; its clock and the world go on. */
  pause(): void {
    if (this.alive) this.#stopped ??= []
  }

  /** SIGCONT. */
  resume(): void {
    if (this.#stopped === null || this.#suspendedAt !== null) return
    const workerFirst = this.#world.random.next() < 0.5
    const waiting = workerFirst ? [...this.#stoppedWorker, ...this.#stopped] : [...this.#stopped, ...this.#stoppedWorker]
    this.#stopped = null
    this.#stoppedWorker = []
    for (const run of waiting) run()
  }

  /** Does something as this process: now, when it continues, or never if it crashes first. */
  perform(action: () => void, worker = false): void {
    if (!this.alive) return
    if (this.#stopped === null) {
      action()
      return
    }
    const incarnation = this.#incarnation
    const later = (): void => {
      if (this.#incarnation === incarnation) this.perform(action, worker)
    }
    if (worker) this.#stoppedWorker.push(later)
    else this.#stopped.push(later)
  }

  /** A packet arrived at the machine. */
  receive(packet: Packet): void {
    this.perform(() => this.plane.receive(packet))
  }

  /** A snapshot arrived. */
  install(group: number, state: State, from: number): void {
    this.perform(() => this.plane.install(group, state, from))
  }

  #runClock(): void {
    if (this.#suspendedAt === null) return
    const stood = this.#suspendedAt
    this.#suspendedAt = null
    this.#offset -= this.clock() - stood
  }

  #emptyDisk(recovering: boolean): Durable {
    const each = Array.from({ length: this.#config.groups })
    const logs = each.map(() => new MemberLog(recovering))
    const cache = this.#world.syncInterval === undefined ? null : new PageCache(logs)
    return { logs, machines: each.map(() => new Machine(EMPTY)), cache }
  }

  /** The operating system writes out what it has, also while the process is gone. */
  #syncLater(): void {
    const { scheduler, syncInterval } = this.#world
    if (syncInterval === undefined) return
    scheduler.after(syncInterval, () => {
      this.#durable.cache?.sync()
      this.#syncLater()
    })
  }

  #start(): { plane: SimulatedPlane; host: Host } {
    const world = this.#world
    this.#busy = false
    this.#wakeAt = Number.POSITIVE_INFINITY
    const incarnation = this.#incarnation
    const surroundings: Surroundings = {
      scheduler: world.scheduler,
      random: world.random,
      checkers: world.checkers,
      isWitness: this.isWitness,
      clock: () => this.clock(),
      // A process that is stopped sends nothing: what its disk thread had finished goes out when it continues.
      send: (packet) => this.perform(() => world.send(packet)),
      sendSnapshot: (from, to, group, state, sent) =>
        world.sendSnapshot(from, to, group, state, (ok) => {
          if (this.#incarnation === incarnation) this.perform(() => sent(ok))
        }),
      wake: () => this.#wakeIn(world.random.between(0, 0.1)),
    }
    const create = this.#sabotage.createPlane ?? ((...args) => new SimulatedPlane(...args))
    const plane = create(this.id, surroundings, world.times, this.#durable)
    const host = new Host(this.#settings(), new CommandBuffer(COMMANDS_DOUBLES), this.#sabotage.createRaft, this.#events)
    return { plane, host }
  }

  /** What this life is configured with. */
  #settings(): HostConfig {
    const { random, timeoutFactors } = this.#world
    const only = timeoutFactors.length === 1
    const factor = timeoutFactors[only ? 0 : Math.floor(random.next() * timeoutFactors.length)]!
    const electionTimeout = this.#config.electionTimeout * factor
    this.#promisedBefore = Math.max(this.#promisedBefore, electionTimeout)
    return { ...this.#config, electionTimeout, promisedBefore: this.#promisedBefore }
  }

  #wakeIn(delay: number): void {
    const { scheduler } = this.#world
    const at = scheduler.now + delay
    if (this.#busy || at >= this.#wakeAt) return
    this.#wakeAt = at
    const incarnation = this.#incarnation
    scheduler.after(delay, () => {
      if (this.#incarnation !== incarnation || this.#wakeAt !== at) return
      this.#wakeAt = Number.POSITIVE_INFINITY
      this.perform(() => this.#exchange(), true)
    })
  }

  /** The worker's loop, once: events out, step, commands in. The thread may stand still in the middle. */
  #exchange(): void {
    if (this.#busy) return
    const { random, scheduler, stallShare, stallMax } = this.#world
    const { events } = this.host
    this.plane.collect(events)
    this.#busy = true
    const incarnation = this.#incarnation
    const finish = (): void => {
      if (this.#incarnation === incarnation) this.#step(events)
    }
    if (random.next() < stallShare) scheduler.after(random.between(0, stallMax), () => this.perform(finish, true))
    else finish()
  }

  #step(events: Float64Array): void {
    const length = this.host.step(events)
    this.#busy = false
    for (let group = 0; group < this.#config.groups; group += 1) {
      const raft = this.host.group(group)
      if (raft === undefined || raft.refused === 0) continue
      throw new Violation('belief', `member ${this.id} did not believe an honest message: ${raft.refusal}`)
    }
    this.plane.submit(this.host.commands, length)
    for (let group = 0; group < this.#config.groups; group += 1) {
      const raft = this.host.group(group)
      if (raft !== undefined) for (const checker of this.#world.checkers) checker.onStep?.(this.plane, group, raft)
    }
    if (this.host.timeout > 0 && this.plane.payloads > 0 && !this.plane.hasEvents) {
      throw new Error(`member ${this.id} neither wrote nor dropped ${this.plane.payloads} payloads`)
    }
    this.#wakeIn(this.plane.hasEvents ? 0 : this.host.timeout / this.#rate + 0.001)
  }
}
