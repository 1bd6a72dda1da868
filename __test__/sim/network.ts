// The simulated network: every packet may be lost, late, doubled or overtaken; any pair may be cut off, in one direction too.
import type { Random } from '../../src/raft/random.js'
import type { Scheduler } from './scheduler.js'

/** How links behave; times in ms. */
export interface LinkBehaviour {
  delayMin: number
  delayMax: number
  lossShare: number
  duplicateShare: number
  /** Packets of one link keep their order, as over TCP, unless they are doubled. */
  ordered: boolean
}

/** All links between members. */
export class Network {
  behaviour: LinkBehaviour
  readonly #scheduler: Scheduler
  readonly #random: Random
  /** Whether two members speak the same protocol: who does not is refused at the first frame, as crates/codec/src/hello.rs has it. */
  agree: (from: number, to: number) => boolean = () => true
  /** Directions that carry nothing, by `linkOf`. */
  readonly #cut = new Set<number>()
  /** When the last packet of a link arrives. */
  readonly #lastArrival = new Map<number, number>()

  constructor(scheduler: Scheduler, random: Random, behaviour: LinkBehaviour) {
    this.#scheduler = scheduler
    this.#random = random
    this.behaviour = behaviour
  }

  /** Carries something from one member to another; `extra` ms more for large things. Returns whether it will arrive. */
  carry(from: number, to: number, deliver: () => void, extra = 0): boolean {
    const { lossShare, duplicateShare } = this.behaviour
    if (this.#random.next() < lossShare || !this.connected(from, to)) return false
    this.#arrive(from, to, deliver, extra)
    if (this.#random.next() < duplicateShare) this.#arrive(from, to, deliver, extra + this.#random.between(0, 50))
    return true
  }

  connected(from: number, to: number): boolean {
    return (this.#cut.size === 0 || !this.#cut.has(linkOf(from, to))) && this.agree(from, to)
  }

  /** Cuts one direction. */
  cut(from: number, to: number): void {
    this.#cut.add(linkOf(from, to))
  }

  /** Mends everything. */
  heal(): void {
    this.#cut.clear()
  }

  #arrive(from: number, to: number, deliver: () => void, extra: number): void {
    const { delayMin, delayMax, ordered } = this.behaviour
    const link = linkOf(from, to)
    let at = this.#scheduler.now + this.#random.between(delayMin, delayMax) + extra
    if (ordered) at = Math.max(at, this.#lastArrival.get(link) ?? 0)
    if (ordered && extra === 0) this.#lastArrival.set(link, at)
    this.#scheduler.after(at - this.#scheduler.now, () => {
      if (this.connected(from, to)) deliver()
    })
  }
}

/** One direction between two members. */
function linkOf(from: number, to: number): number {
  return from * 1024 + to
}
