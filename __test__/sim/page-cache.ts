// What an operating system has taken and not yet written out: a process may be killed and find it again, a machine that
// loses power has only the platter. For members that call an entry durable before it is synced.
import type { Random } from '../../src/raft/random.js'
import type { MemberLog } from './member-log.js'

type Change = (log: MemberLog) => void

/** One machine, between two losses of power. */
export class PageCache {
  /** What survives a loss of power, by group. */
  readonly #platter: MemberLog[]
  #unsynced: { readonly group: number; readonly change: Change }[] = []

  constructor(logs: readonly MemberLog[]) {
    this.#platter = logs.map((log) => log.copy())
  }

  /** A change of a group's log; `synced`: it is on the platter at once, whatever came before it. */
  write(group: number, change: Change, synced: boolean): void {
    if (synced) change(this.#platter[group]!)
    else this.#unsynced.push({ group, change })
  }

  /** Everything reaches the platter. */
  sync(): void {
    for (const { group, change } of this.#unsynced.splice(0)) change(this.#platter[group]!)
  }

  /** Power is lost: what a start finds. A suffix of what was not synced is gone, and the data is marked if anything was not. */
  losePower(random: Random): MemberLog[] {
    const unsynced = this.#unsynced.splice(0)
    const kept = Math.floor(random.next() * (unsynced.length + 1))
    for (const { group, change } of unsynced.slice(0, kept)) change(this.#platter[group]!)
    if (unsynced.length > 0) for (const log of this.#platter) log.recovering = true
    return this.#platter
  }
}
