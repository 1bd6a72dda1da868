// Breaks machines and what they rest on, beside what faults.ts breaks: power, disks that slow down, fail to sync or damage what they hold,
// clocks. Never touches what a real fault could not.
import { APPLY_STALL_MS } from '../../src/raft/config.js'
import type { Random } from '../../src/raft/random.js'
import type { Node } from './node.js'
import type { SimulationOptions } from './options.js'
import type { Scheduler } from './scheduler.js'

/** Which of them may happen. */
export interface MachineFaults {
  /** All machines lose power at one moment. Not where entries count before they are synced: that may lose them. */
  blackouts: boolean
  slowDisks: boolean
  /** A sync fails, which ends the process: what it was to sync is on the disk in part. Not where entries count before they are synced. */
  failedSyncs: boolean
  /**
   * Checksums find a flipped bit, or a write that went elsewhere, when a member starts: it refuses its directory, which is thrown away.
   * Damage to the very last batch looks like a torn write to everybody, and is left out (crates/wal/src/recovery.rs).
   */
  damage: boolean
  /** Machines are lost for good, and their members removed in the end. Only where members change. */
  losses: boolean
  /** State machines hang, also for longer than a leader puts up with. */
  hungStateMachines: boolean
  /** Clocks leap ahead, and machines are suspended with their clocks, farther than leases and lost directories allow. */
  clockLeaps: boolean
  /** Clocks of members that are whole leap ahead; none stands still. */
  leapsAhead: boolean
  /** Members are upgraded one by one to a program of another protocol; the rest of them once faults are over. */
  upgrades: boolean
  /** Clocks go faster or slower from now on, within driftMax. */
  drifts: boolean
}

/** How often each happened. */
export type MachineFaultCounts = Record<keyof MachineFaults, number>

/** Whom faults.ts picks, and for how long. */
export interface Victims {
  pickNode(): Node
  duration(): number
  /** Whether a member may lose its data now. */
  mayForget(node: Node): boolean
  /** Whether a member may be lost now: the others are enough to decide, whatever members have been asked for. */
  mayBeLost(node: Node): boolean
}

/** How many times slower a disk becomes at most. */
const SLOWER_MAX = 40
/** Election timeouts that a clock leaps ahead at most. */
const LEAP_TIMEOUTS_MAX = 6

/** The machine faults of one run. */
export class MachineFaultInjector {
  readonly counts: MachineFaultCounts = {
    blackouts: 0,
    slowDisks: 0,
    failedSyncs: 0,
    damage: 0,
    losses: 0,
    hungStateMachines: 0,
    clockLeaps: 0,
    leapsAhead: 0,
    upgrades: 0,
    drifts: 0,
  }
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #nodes: readonly Node[]
  readonly #options: SimulationOptions
  readonly #victims: Victims
  #over = false

  constructor(scheduler: Scheduler, random: Random, nodes: readonly Node[], options: SimulationOptions, victims: Victims) {
    this.#scheduler = scheduler
    this.#random = random
    this.#nodes = nodes
    this.#options = options
    this.#victims = victims
  }

  /** What may happen next. */
  get kinds(): readonly (() => void)[] {
    const { machineFaults: may } = this.#options
    if (may === undefined) return []
    return [
      ...(may.blackouts ? [() => this.#blackout()] : []),
      ...(may.slowDisks ? [() => this.#slowDisk()] : []),
      ...(may.failedSyncs ? [() => this.#failSync()] : []),
      ...(may.damage ? [() => this.#damage()] : []),
      ...(may.losses ? [() => this.#lose()] : []),
      ...(may.hungStateMachines ? [() => this.#hangStateMachine()] : []),
      ...(may.clockLeaps ? [() => this.#leap(), () => this.#suspend()] : []),
      ...(may.leapsAhead ? [() => this.#leapAhead()] : []),
      ...(may.upgrades ? [() => this.#upgrade()] : []),
      ...(may.drifts ? [() => this.#drift()] : []),
    ]
  }

  /** Nothing is broken any more. */
  stop(): void {
    this.#over = true
    for (const node of this.#nodes) {
      node.wake()
      node.plane.disk.failSync(null)
      node.plane.disk.slowness = 1
      if (this.#options.machineFaults?.upgrades) this.#replaceProgram(node)
    }
  }

  #blackout(): void {
    this.counts.blackouts += 1
    for (const node of this.#nodes) {
      node.crash()
      this.#scheduler.after(this.#victims.duration(), () => node.restart())
    }
  }

  /** Until it is started again at the latest. */
  #slowDisk(): void {
    this.counts.slowDisks += 1
    const { disk } = this.#victims.pickNode().plane
    disk.slowness = this.#random.between(2, SLOWER_MAX)
    this.#scheduler.after(this.#victims.duration(), () => {
      disk.slowness = 1
    })
  }

  #failSync(): void {
    const node = this.#victims.pickNode()
    node.plane.disk.failSync(() => {
      this.counts.failedSyncs += 1
      node.crash()
      this.#scheduler.after(this.#victims.duration(), () => node.restart())
    })
  }

  /** Not before a majority can do without it: until then the operator waits. */
  #damage(): void {
    const node = this.#victims.pickNode()
    if (!this.#victims.mayForget(node)) return
    node.crash()
    const replace = (): void => {
      if (this.#over || node.alive) return
      if (!this.#victims.mayForget(node)) {
        this.#scheduler.after(this.#victims.duration(), replace)
        return
      }
      this.counts.damage += 1
      node.wipe()
      node.restart()
    }
    this.#scheduler.after(this.#victims.duration(), replace)
  }

  #lose(): void {
    const node = this.#victims.pickNode()
    if (node.lost || !this.#victims.mayBeLost(node)) return
    this.counts.losses += 1
    node.lose()
  }

  #hangStateMachine(): void {
    this.counts.hungStateMachines += 1
    const { plane } = this.#victims.pickNode()
    plane.freezeApply()
    this.#scheduler.after(this.#random.between(0, 1.5 * APPLY_STALL_MS), () => plane.thaw())
  }

  #leap(): void {
    this.counts.clockLeaps += 1
    this.#victims.pickNode().leap(this.#random.between(0, LEAP_TIMEOUTS_MAX * this.#options.electionTimeout))
  }

  #leapAhead(): void {
    const node = this.#victims.pickNode()
    if (!node.whole) return
    this.counts.leapsAhead += 1
    node.leap(this.#random.between(0, LEAP_TIMEOUTS_MAX * this.#options.electionTimeout))
  }

  #suspend(): void {
    this.counts.clockLeaps += 1
    const node = this.#victims.pickNode()
    node.suspend()
    this.#scheduler.after(this.#victims.duration(), () => node.wake())
  }

  /** Until half of them are upgraded those that are not go on alone, and then the others. */
  #upgrade(): void {
    const node = this.#victims.pickNode()
    if (node.protocol > 0) return
    this.counts.upgrades += 1
    this.#replaceProgram(node)
    this.#scheduler.after(this.#victims.duration(), () => node.restart())
  }

  #replaceProgram(node: Node): void {
    if (node.protocol > 0) return
    node.crash()
    node.protocol = 1
  }

  #drift(): void {
    this.counts.drifts += 1
    const { driftMax } = this.#options
    this.#victims.pickNode().setDrift(this.#random.between(-driftMax, driftMax))
  }
}
