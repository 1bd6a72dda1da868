// Breaks a cluster at random times, and mends it. Never touches what a real fault could not.
import type { Random } from '../../src/raft/random.js'
import { type Configuration, configurationOf, isEnough } from './configuration.js'
import { type MachineFaultCounts, MachineFaultInjector, type Victims } from './machine-faults.js'
import type { MemberChanges } from './member-changes.js'
import type { Network } from './network.js'
import type { Node } from './node.js'
import type { SimulationOptions } from './options.js'
import type { Scheduler } from './scheduler.js'

/** The faults of one run. */
export class FaultInjector implements Victims {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #network: Network
  readonly #nodes: readonly Node[]
  readonly #options: SimulationOptions
  readonly #configuration: Configuration
  readonly #changes: MemberChanges
  /** Data directories lost. */
  wipes = 0
  /** Machines that lost power. */
  powerLosses = 0
  readonly #machines: MachineFaultInjector
  #over = false

  constructor(
    scheduler: Scheduler,
    random: Random,
    network: Network,
    nodes: readonly Node[],
    options: SimulationOptions,
    configuration: Configuration,
    changes: MemberChanges,
  ) {
    this.#changes = changes
    this.#configuration = configuration
    this.#scheduler = scheduler
    this.#random = random
    this.#network = network
    this.#nodes = nodes
    this.#options = options
    this.#machines = new MachineFaultInjector(scheduler, random, nodes, options, this)
  }

  get machineFaults(): MachineFaultCounts {
    return this.#machines.counts
  }

  /** Lets faults happen until `stop`. */
  start(): void {
    this.#scheduler.after(this.#random.between(0, this.#options.faultGapMax), () => {
      if (this.#over) return
      this.#one()
      this.start()
    })
  }

  /** Everything is mended: no more faults, all members run, all links carry. */
  stop(): void {
    this.#over = true
    this.#machines.stop()
    this.#network.heal()
    this.#network.behaviour = { ...this.#network.behaviour, lossShare: 0 }
    for (const node of this.#nodes) {
      node.resume()
      node.restart()
      node.plane.thaw()
    }
  }

  #one(): void {
    const { crashes, partitions, pauses, transfers, wipes, freezes, powerLosses } = this.#options.faults
    const kinds = [
      ...(crashes ? [() => this.#crash(), () => this.#crash(), () => this.#crashAll()] : []),
      ...(partitions ? [() => this.#isolate(), () => this.#split(), () => this.#cutOneDirection()] : []),
      ...(pauses ? [() => this.#pause(), () => this.#pause()] : []),
      ...(transfers ? [() => this.#transfer()] : []),
      ...(powerLosses ? [() => this.#losePower(), () => this.#losePower()] : []),
      ...(freezes ? [() => this.#freeze()] : []),
      ...(wipes ? [() => this.#wipe(), () => this.#wipe()] : []),
      ...this.#machines.kinds,
      () => this.#network.heal(),
    ]
    this.#pick(kinds)()
  }

  #crash(): void {
    this.#crashOne(this.pickNode())
  }

  #crashAll(): void {
    if (this.#random.next() < 0.3) for (const node of this.#nodes) this.#crashOne(node)
  }

  #crashOne(node: Node): void {
    node.crash()
    this.#scheduler.after(this.duration(), () => node.restart())
  }

  /** Never so that a majority has lost its data, nor while somebody takes the cluster for new who is not new: see src/raft/recovery.ts. */
  mayForget(node: Node): boolean {
    // With witnesses one disk may be all that has an entry's data while the others are behind.
    if (this.#options.witnesses.length > 0 && !node.isWitness) return false
    const whole = this.#nodes.filter((other) => other !== node && other.whole && !other.lost)
    return this.#decide(whole) && whole.every((other) => other.knowsOfElections)
  }

  mayBeLost(node: Node): boolean {
    if (this.#options.witnesses.length > 0 && !node.isWitness) return false
    return this.#decide(this.#nodes.filter((other) => other !== node && other.whole && !other.lost))
  }

  /** Whether these are enough to decide, whatever members there are, or have been asked for. */
  #decide(nodes: readonly Node[]): boolean {
    const ids = nodes.map(({ id }) => id)
    if (this.#options.newcomers === 0) return isEnough(this.#configuration, ids)
    const logs = this.#nodes.flatMap(({ plane }) =>
      Array.from({ length: this.#options.groups }, (_, group) => [
        ...plane.memoryLog(group).configurations,
        ...plane.diskLog(group).configurations,
        plane.state(group).configuration,
      ]).flat(),
    )
    const known = logs.flatMap((each) => (each === undefined ? [] : [configurationOf(each.parts)]))
    const asked = this.#changes.asked.map((incoming) => ({ incoming, outgoing: [], learners: [] }))
    return [this.#configuration, ...known, ...asked].every((configuration) => isEnough(configuration, ids))
  }

  /** Others' processes may crash at the same time: what they wrote is there when they start again. */
  #losePower(): void {
    const node = this.pickNode()
    if (!this.mayForget(node)) return
    // Who has joined and knows of no election yet has nothing, and looks like one that has lost all: it is to be added anew.
    if (this.#options.newcomers > 0 && !node.knowsOfElections) return
    this.powerLosses += 1
    node.losePower()
    this.#scheduler.after(this.duration(), () => node.restart())
  }

  #wipe(): void {
    const node = this.pickNode()
    if (!this.mayForget(node)) return
    this.wipes += 1
    node.wipe()
    this.#scheduler.after(this.duration(), () => node.restart())
  }

  /** The leader, half the time: that is where it hurts. */
  pickNode(): Node {
    const leaders = this.#nodes.filter((node) => node.alive && node.plane.leader(0) === node.id)
    return leaders.length > 0 && this.#random.next() < 0.5 ? this.#pick(leaders) : this.#pick(this.#nodes)
  }

  #isolate(): void {
    const { id } = this.pickNode()
    for (const other of this.#nodes) {
      this.#network.cut(id, other.id)
      this.#network.cut(other.id, id)
    }
  }

  #split(): void {
    const side = new Set(this.#nodes.filter(() => this.#random.next() < 0.5))
    for (const a of this.#nodes) for (const b of this.#nodes) if (side.has(a) !== side.has(b)) this.#network.cut(a.id, b.id)
  }

  #cutOneDirection(): void {
    this.#network.cut(this.pickNode().id, this.pickNode().id)
  }

  #pause(): void {
    const node = this.pickNode()
    node.pause()
    this.#scheduler.after(this.duration(), () => node.resume())
  }

  #freeze(): void {
    const { plane } = this.pickNode()
    plane.disk.freeze()
    this.#scheduler.after(this.duration(), () => plane.thaw())
  }

  #transfer(): void {
    const target = this.pickNode().id
    const group = Math.floor(this.#random.next() * this.#options.groups)
    for (const node of this.#nodes) {
      if (node.plane.leader(group) === node.id) node.perform(() => node.plane.transfer(group, target))
    }
  }

  duration(): number {
    return this.#random.between(1, 4 * this.#options.electionTimeout)
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random.next() * choices.length)]!
  }
}
