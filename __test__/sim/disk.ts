// One member's simulated disk: writes become durable with the fsync that follows them, in order, and a crash keeps a
// random part of what was not durable yet.
import type { Random } from '../../src/raft/random.js'
import type { MemberLog } from './member-log.js'
import type { PageCache } from './page-cache.js'
import type { Scheduler } from './scheduler.js'

/** How slow a disk is, ms. */
export interface DiskTimes {
  fsyncMin: number
  fsyncMax: number
  /** Share of fsyncs that stall for up to `stallMax`. */
  stallShare: number
  stallMax: number
}

interface Write {
  readonly group: number
  readonly change: ((log: MemberLog) => void) | null
  /** Synced before it counts, also where entries are not. */
  readonly hard: boolean
  readonly release: (() => void) | null
}

/** One log of all groups, with group commit. */
export class Disk {
  /** What a restart finds, by group. */
  readonly logs: MemberLog[]
  times: DiskTimes
  /** How many times slower it is now. */
  slowness = 1
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #synced: (groups: ReadonlySet<number>) => void
  /** null: what counts as durable is on the platter. */
  readonly #cache: PageCache | null
  #waiting: Write[] = []
  #underWay: Write[] = []
  #crashed = false
  /** Called instead of the end of the next sync. */
  #failed: (() => void) | null = null
  /** What the disk does once it goes on; null while it does not hang. */
  #frozen: (() => void)[] | null = null

  constructor(
    scheduler: Scheduler,
    random: Random,
    times: DiskTimes,
    logs: MemberLog[],
    cache: PageCache | null,
    synced: (groups: ReadonlySet<number>) => void,
  ) {
    this.#cache = cache
    this.#scheduler = scheduler
    this.#random = random
    this.times = times
    this.logs = logs
    this.#synced = synced
  }

  /** Queues a change of a group's log; `hard`: of the hard state. */
  write(group: number, change: (log: MemberLog) => void, hard = false): void {
    this.#waiting.push({ group, change, hard, release: null })
    this.#sync()
  }

  /** Changes a group's log while it is being opened: at once, and for good. */
  adjust(group: number, change: (log: MemberLog) => void): void {
    change(this.logs[group]!)
    this.#cache?.sync()
    this.#cache?.write(group, change, true)
  }

  /** Calls `release` when all that was written before is durable. */
  whenDurable(release: () => void): void {
    if (this.#waiting.length === 0 && this.#underWay.length === 0) release()
    else this.#waiting.push({ group: 0, change: null, hard: false, release })
  }

  /** It hangs: nothing becomes durable until `thaw`. */
  freeze(): void {
    this.#frozen ??= []
  }

  /** It goes on. */
  thaw(): void {
    const waiting = this.#frozen ?? []
    this.#frozen = null
    if (!this.#crashed) for (const run of waiting) run()
  }

  /** The next sync fails: it makes nothing durable, and whoever writes must end, by `failed`; null: it does not. */
  failSync(failed: (() => void) | null): void {
    this.#failed = failed
  }

  /** The machine stops: of what was not durable, a prefix may have reached the disk; the record after it is torn. */
  crash(): void {
    this.#crashed = true
    const lost = [...this.#underWay, ...this.#waiting]
    const kept = Math.floor(this.#random.next() * (lost.length + 1))
    for (const write of lost.slice(0, kept)) this.#put(write)
  }

  #sync(): void {
    if (this.#underWay.length > 0 || this.#waiting.length === 0) return
    this.#underWay = this.#waiting
    this.#waiting = []
    const { fsyncMin, fsyncMax, stallShare, stallMax } = this.times
    const stalls = this.#random.next() < stallShare
    const time = stalls ? this.#random.between(fsyncMax, stallMax) : this.#random.between(fsyncMin, fsyncMax) * this.slowness
    this.#scheduler.after(time, () => {
      if (this.#crashed) return
      if (this.#failed !== null) this.#failed()
      else if (this.#frozen === null) this.#finish()
      else this.#frozen.push(() => this.#finish())
    })
  }

  /** Carries out a write; returns whether it changes anything. */
  #put({ group, change, hard }: Write): boolean {
    if (change === null) return false
    change(this.logs[group]!)
    this.#cache?.write(group, change, hard)
    return true
  }

  #finish(): void {
    const batch = this.#underWay
    this.#underWay = []
    const groups = new Set<number>()
    for (const write of batch) if (this.#put(write)) groups.add(write.group)
    for (const { release } of batch) release?.()
    // What follows the batch and writes nothing itself depends on nothing more.
    while (this.#waiting[0]?.release) this.#waiting.shift()!.release!()
    this.#synced(groups)
    this.#sync()
  }
}
