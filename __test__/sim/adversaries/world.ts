// A small cluster that an adversary drives by hand: real cores over simulated planes, one millisecond between any two
// members, quick disks, every checker looking on. The adversary decides the fate of each packet, and when who crashes.
// Time is the simulator's, so that what a scenario says is exact and the same each time.
import { Code } from '../../../src/codes.js'
import type { HostConfig } from '../../../src/host/config.js'
import { ELECTION_SPREAD_SHARE } from '../../../src/raft/config.js'
import { Message, Role } from '../../../src/raft/raft-kinds.js'
import { Random } from '../../../src/raft/random.js'
import { type Checker, Violation } from '../checker.js'
import { Committed } from '../checkers/committed.js'
import { DurableCommit } from '../checkers/durable-commit.js'
import { ElectionSafety } from '../checkers/election-safety.js'
import { FreshReads } from '../checkers/fresh-reads.js'
import { LeaderAppendOnly } from '../checkers/leader-append-only.js'
import { LeaderCompleteness } from '../checkers/leader-completeness.js'
import { LogMatching } from '../checkers/log-matching.js'
import { StateMachineSafety } from '../checkers/state-machine-safety.js'
import { allVote, type Configuration } from '../configuration.js'
import { Network } from '../network.js'
import { Node, type Sabotage } from '../node.js'
import { type Packet, SimulatedPlane } from '../plane.js'
import { Scheduler } from '../scheduler.js'

/** What an adversary does with a packet: loses it, holds it up for so many ms, or has copies arrive; undefined: nothing. */
export type Fate = 'lost' | number | readonly number[] | undefined

/** One world. Times in ms. */
export interface WorldOptions {
  members: number
  /** So many of them founded the cluster; the others have joined it, and only learn until its members change. */
  founders: number
  heartbeatInterval: number
  electionTimeout: number
  leaseReads: boolean
  logRetainBytes: number
  /** Of the election timeouts, and of what little else is random. */
  seed: number
  newDirectories: boolean
  fsync: number
  apply: number
  /** Share of applies after which the store persists its state. */
  persistShare: number
  /** What the store says of the log's bytes is this many times what they are: what is held for followers is soon exceeded. */
  logScale: number
  /** What differs at one member; `electionTimeout` above is the longest of them. */
  settings(id: number): Partial<HostConfig>
  /** Called for each packet, when it leaves. */
  fate(packet: Packet, world: World): Fate
  /** Called after each write that a member has handed to its disk; `count`: how many there were, of all members. */
  onDiskWrite(node: Node, count: number, world: World): void
  sabotage: Sabotage
}

const DEFAULTS: WorldOptions = {
  ...{
    members: 3,
    founders: Number.POSITIVE_INFINITY,
    heartbeatInterval: 20,
    electionTimeout: 100,
    leaseReads: false,
    logRetainBytes: 1e9,
    seed: 1,
  },
  ...{ newDirectories: false, fsync: 0.5, apply: 0.1, persistShare: 0, logScale: 1, sabotage: {} },
  settings: () => ({}),
  fate: () => undefined,
  onDiskWrite: () => {},
}

/** One thing that an adversary tries, and all that its files must say: `run` throws if a promise was broken. */
export interface Scenario {
  readonly name: string
  run(sabotage?: Sabotage): void
}

/** After the adversary, a cluster has this many election timeouts to have a leader and bring everyone up to date. */
const REST_TIMEOUTS = 40

export class World {
  readonly scheduler = new Scheduler()
  readonly nodes: Node[]
  readonly network: Network
  /** Writes acknowledged, reads answered, leaders elected. */
  readonly counts = { acknowledged: 0, reads: 0, elections: 0 }
  /** Off during the rest: the adversary has gone. */
  hostile = true
  readonly #options: WorldOptions
  readonly #founding: Configuration
  readonly #committed = new Committed()
  readonly #freshReads = new FreshReads()
  readonly #checkers: readonly Checker[]
  #values = 0
  #diskWrites = 0

  constructor(change: Partial<WorldOptions> = {}) {
    this.#options = { ...DEFAULTS, ...change }
    const { seed, members, fsync, apply, persistShare, logScale } = this.#options
    this.#founding = allVote(Math.min(members, this.#options.founders))
    const random = new Random(seed, 0xad5e)
    this.network = new Network(this.scheduler, random, {
      ...{ delayMin: 1, delayMax: 1, lossShare: 0, duplicateShare: 0, ordered: false },
    })
    const counter: Checker = {
      onRole: (_member, _group, role) => {
        if (role === Role.LEADER) this.counts.elections += 1
      },
    }
    this.#checkers = [
      ...[counter, this.#committed, new ElectionSafety(this.#founding), new LeaderAppendOnly(), new LogMatching()],
      ...[new LeaderCompleteness(this.#committed), new StateMachineSafety(), this.#freshReads],
      new DurableCommit(this.#committed, this.#founding, () => this.nodes.map((node) => node.plane)),
    ]
    const disk = { fsyncMin: fsync, fsyncMax: fsync, stallShare: 0, stallMax: 0 }
    const world = {
      ...{
        scheduler: this.scheduler,
        random,
        checkers: this.#checkers,
        stallShare: 0,
        stallMax: 0,
        timeoutFactors: [1],
        syncInterval: undefined,
      },
      times: { disk, applyMax: apply, persistShare, logScale, leasedReadsWait: true },
      send: (packet: Packet) => this.#carry(packet),
      sendSnapshot: (...[from, to, group, state, sent]: Parameters<ConstructorParameters<typeof Node>[1]['sendSnapshot']>) => {
        const arrives = this.network.carry(from, to, () => this.node(to).install(group, state, from), 2)
        this.scheduler.after(3, () => sent(arrives && this.node(to).alive))
      },
    }
    this.nodes = Array.from({ length: members }, (_, i) => this.#create(i + 1, world))
  }

  node(id: number): Node {
    return this.nodes[id - 1]!
  }

  /** Lets the world go on for so long. */
  run(time: number): void {
    this.scheduler.run(this.scheduler.now + time)
  }

  /** Lets the world go on until something holds; fails the scenario if it never does. */
  until(what: string, holds: () => boolean, timeouts = REST_TIMEOUTS): void {
    const end = this.scheduler.now + timeouts * this.#options.electionTimeout
    while (!holds()) {
      if (this.scheduler.now >= end) throw new Violation('liveness', `${what}: not within ${timeouts} election timeouts`)
      if (!this.scheduler.step(end)) this.scheduler.run(end)
    }
  }

  /** The member that leads in the highest term; waits for one, also for one that is not among `not`. */
  leader(...not: readonly Node[]): Node {
    let found: Node | undefined
    this.until('a leader', () => {
      found = this.#leaders().find((node) => !not.includes(node))
      return found !== undefined
    })
    return found!
  }

  /** The others. */
  others(...nodes: readonly Node[]): Node[] {
    return this.nodes.filter((node) => !nodes.includes(node))
  }

  /** Elects this very member: the others keep quiet. */
  elect(node: Node): void {
    this.until(`${node.id} leads`, () => {
      const [leader] = this.#leaders()
      if (leader !== undefined && leader !== node) leader.perform(() => leader.plane.transfer(0, node.id))
      this.run(1)
      return this.#leaders()[0] === node
    })
  }

  /** Hands a write to a member, if it leads; returns an object that says whether it was acknowledged. */
  write(node: Node, count = 1, bytes = 10): { acknowledged: boolean } {
    const outcome = { acknowledged: false }
    const values = Array.from({ length: count }, () => {
      this.#values += 1
      const value = this.#values
      const done = (index: number, code: number): void => {
        if (code !== 0) return
        outcome.acknowledged = true
        this.counts.acknowledged += 1
        for (const checker of this.#checkers) checker.onAcknowledged?.(0, index, value)
      }
      return { value, bytes, done }
    })
    node.perform(() => void node.plane.propose(0, values))
    return outcome
  }

  /** A write that must succeed. */
  commit(node: Node, count = 1, bytes = 10): void {
    const outcome = this.write(node, count, bytes)
    this.until(`a write of ${node.id} is acknowledged`, () => outcome.acknowledged)
  }

  /** Has a leader make these the members: flat pairs of (id, part). Waits until that is done. */
  change(leader: Node, parts: readonly number[]): void {
    let done = false
    const ask = (): void => {
      const from = leader.plane.configured(0)?.index ?? 0
      leader.plane.change(0, { from, isForced: false, parts }, (code) => {
        if (code === Code.OK) done = true
        else this.scheduler.after(this.#options.heartbeatInterval, ask)
      })
    }
    ask()
    this.until(`the members are ${parts}`, () => done)
  }

  /** Hands a linearizable read to a member. */
  read(node: Node): { answered: boolean } {
    const outcome = { answered: false }
    const floor = this.#freshReads.readFloor(0)
    node.perform(() => {
      node.plane.read(0, (index, code) => {
        if (code !== 0) return
        outcome.answered = true
        this.counts.reads += 1
        for (const checker of this.#checkers) checker.onRead?.(0, index, floor)
      })
    })
    return outcome
  }

  /** Clients at every member, each with a write and a read every few ms, for so long. */
  traffic(time: number, gap = 5): void {
    const end = this.scheduler.now + time
    while (this.scheduler.now < end) {
      for (const node of this.nodes) {
        if (!node.alive || node.plane.leader(0) !== node.id) continue
        this.write(node)
        this.read(node)
      }
      this.run(gap)
    }
  }

  /** Cuts a member off from some others, in both directions. */
  isolate(node: Node, from: readonly Node[] = this.others(node)): void {
    if (!this.hostile) return
    for (const other of from) {
      this.network.cut(node.id, other.id)
      this.network.cut(other.id, node.id)
    }
  }

  /** A member crashes, and comes back after a while. */
  crash(node: Node, away: number): void {
    if (!this.hostile) return
    node.crash()
    this.scheduler.after(away, () => node.restart())
  }

  /** The adversary goes; all members run, a leader emerges, a new write commits, and all end with the same state. */
  rest(): void {
    this.hostile = false
    this.network.heal()
    for (const node of this.nodes) {
      node.resume()
      node.restart()
    }
    this.run(2 * this.#options.electionTimeout)
    let outcome = this.write(this.leader())
    this.until('a write after all', () => {
      if (outcome.acknowledged) return true
      this.run(this.#options.electionTimeout)
      outcome = outcome.acknowledged ? outcome : this.write(this.leader())
      return false
    })
    this.until('all members agree', () => this.#agree())
    for (const checker of this.#checkers) checker.onEnd?.(0, this.nodes[0]!.plane.state(0).index)
  }

  /** The newest leader first. */
  #leaders(): Node[] {
    const leaders = this.nodes.filter(({ alive, plane }) => alive && plane.role(0) === Role.LEADER)
    return leaders.sort((a, b) => b.plane.term(0) - a.plane.term(0))
  }

  #agree(): boolean {
    const states = this.nodes.map((node) => node.plane.state(0))
    return states.every(({ index, digest }) => index === this.#committed.last(0) && digest === states[0]!.digest)
  }

  #carry(packet: Packet): void {
    const fate = this.hostile ? this.#options.fate(packet, this) : undefined
    if (fate === 'lost') return
    for (const late of typeof fate === 'object' ? fate : [fate ?? 0]) {
      this.network.carry(packet.from, packet.to, () => this.node(packet.to).receive(packet), late)
    }
  }

  #create(id: number, world: ConstructorParameters<typeof Node>[1]): Node {
    const { heartbeatInterval, electionTimeout, leaseReads, logRetainBytes, seed, sabotage } = this.#options
    const { incoming: founders } = this.#founding
    const learners = founders.includes(id) ? [] : [id]
    const config = {
      ...{ id, members: founders, learners, groups: 1, heartbeatInterval, electionTimeout, leaseReads, logRetainBytes, seed },
      ...this.#options.settings(id),
      voteLifeMax: electionTimeout * (1 + ELECTION_SPREAD_SHARE),
    }
    const createPlane: NonNullable<Sabotage['createPlane']> = (...args) => {
      const plane = sabotage.createPlane?.(...args) ?? new SimulatedPlane(...args)
      const write = plane.disk.write.bind(plane.disk)
      plane.disk.write = (...written) => {
        write(...written)
        this.#diskWrites += 1
        if (this.hostile) this.#options.onDiskWrite(this.node(id), this.#diskWrites, this)
      }
      return plane
    }
    return new Node(config, world, { ...sabotage, createPlane }, this.#options.newDirectories, 0)
  }
}

/** Whether a packet gives a vote. */
export function grants({ kind, fields }: Packet): boolean {
  return kind === Message.VOTE_REPLY && fields[0] === 1
}
