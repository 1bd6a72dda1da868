// Clients that write and read one after another, and remember what they were told. Each asks the member it believes to lead, or
// reads at any.
import { Random } from '../../src/raft/random.js'
import type { Checker } from './checker.js'
import type { FreshReads } from './checkers/fresh-reads.js'
import type { Node } from './node.js'
import type { SimulationOptions } from './options.js'
import type { Scheduler } from './scheduler.js'

/** What came of the clients' operations. */
export interface Counts {
  acknowledged: number
  reads: number
  /** Of them, those that a member answered which did not lead when it was asked. */
  followerReads: number
  refused: number
}

/** All clients of one run. */
export class Clients {
  readonly counts: Counts = { acknowledged: 0, reads: 0, followerReads: 0, refused: 0 }
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #nodes: readonly Node[]
  readonly #options: SimulationOptions
  readonly #checkers: readonly Checker[]
  readonly #freshReads: FreshReads
  /** Drawn apart, so that the seeds found before there were reads at followers still draw what they drew. */
  readonly #where: Random
  #values = 0
  #over = false

  constructor(
    scheduler: Scheduler,
    random: Random,
    nodes: readonly Node[],
    options: SimulationOptions,
    checkers: readonly Checker[],
    freshReads: FreshReads,
  ) {
    this.#scheduler = scheduler
    this.#random = random
    this.#nodes = nodes
    this.#options = options
    this.#checkers = checkers
    this.#freshReads = freshReads
    this.#where = new Random(options.seed, 0xf0110)
  }

  /** Starts them. */
  start(): void {
    for (let i = 0; i < this.#options.clients; i += 1) this.#pause(i % this.#options.groups)
  }

  /** They begin nothing more. */
  stop(): void {
    this.#over = true
  }

  /** One write by hand; `done` is called when it is acknowledged. Returns whether a member took it. */
  write(group: number, done: () => void): boolean {
    const node = this.#nodes.find((candidate) => candidate.alive && candidate.plane.leader(group) === candidate.id)
    return node !== undefined && this.#propose(node, group, 1, done)
  }

  /** A small write at every member that says that it leads: the old ones know no better. */
  probe(group: number): void {
    for (const node of this.#nodes) {
      if (node.alive && node.plane.leader(group) === node.id) node.perform(() => void this.#propose(node, group, 1, () => {}))
    }
  }

  /** The next operation of one client, after a while; or a new one if this one gets no answer. */
  #pause(group: number): void {
    this.#scheduler.after(this.#random.between(0, this.#options.thinkMax), () => {
      if (this.#over) return
      let answered = false
      const next = (): void => {
        if (answered) return
        answered = true
        this.#pause(group)
      }
      this.#operate(group, next)
      this.#scheduler.after(4 * this.#options.electionTimeout, next)
    })
  }

  #operate(group: number, next: () => void): void {
    let node = this.#nodeFor(group)
    const reads = this.#random.next() < 0.5
    if (reads && this.#options.followerReads && this.#where.next() < 0.6) {
      node = this.#nodes[Math.floor(this.#where.next() * this.#nodes.length)]!
    }
    const floor = this.#freshReads.readFloor(group)
    node.perform(() => {
      const taken = reads
        ? this.#read(node, group, floor, next)
        : this.#propose(node, group, 1 + Math.floor(this.#random.next() * 3), next)
      if (taken) return
      this.counts.refused += 1
      next()
    })
  }

  /** One that says that it leads: there may be several, and the old ones are the interesting ones. */
  #nodeFor(group: number): Node {
    const leaders = this.#nodes.filter((node) => node.alive && node.plane.leader(group) === node.id)
    const choices = leaders.length > 0 ? leaders : this.#nodes
    return choices[Math.floor(this.#random.next() * choices.length)]!
  }

  #read(node: Node, group: number, floor: number, next: () => void): boolean {
    const leads = node.plane.leader(group) === node.id
    if (!leads && !this.#options.followerReads) return false
    return node.plane.read(group, (index, code) => {
      if (code === 0) {
        this.counts.reads += 1
        if (!leads) this.counts.followerReads += 1
        for (const checker of this.#checkers) checker.onRead?.(group, index, floor)
      }
      next()
    })
  }

  #propose(node: Node, group: number, count: number, next: () => void): boolean {
    const values = Array.from({ length: count }, () => {
      this.#values += 1
      const value = this.#values
      const bytes = 1 + Math.floor(this.#random.next() * this.#options.entryBytesMax)
      const done = (index: number, code: number): void => {
        if (code === 0) this.#acknowledged(group, index, value)
        next()
      }
      return { value, bytes, done }
    })
    return node.plane.propose(group, values)
  }

  #acknowledged(group: number, index: number, value: number): void {
    this.counts.acknowledged += 1
    for (const checker of this.#checkers) checker.onAcknowledged?.(group, index, value)
  }
}
