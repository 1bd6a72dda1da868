// What may happen to a cluster, one thing at a time, from a seed: processes killed and paused, members cut off from the others, both ways
// or one, for long or again and again, slow links, disks that hang. Each ends as it began. Judges nothing.
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../client/random.js'
import type { Cluster, Member } from '../cluster/harness.js'
import type { Link, Links } from './links.js'

/** How long a fault lasts at most, ms: beyond the election timeout, so that another leads meanwhile. */
const FAULT_MAX_MS = 3_000
const SLOW_MS = 120

/** The disk of each member hangs while a file is there; its environment says so from the start. */
export function diskOf(dir: string, name: string): { file: string; env: Record<string, string> } {
  const file = join(dir, `rafterdb-chaos-${name}.frozen`)
  return { file, env: { RAFTERDB_FAULTS: `wal.sync=hang:${file}@1+` } }
}

export class Faults {
  constructor(
    readonly cluster: Cluster,
    readonly links: Links,
    readonly random: Random,
    /** Where the files are that hang the disks. */
    readonly dir: string,
  ) {}

  /** By name; each resolves when it is over. */
  readonly kinds: Record<string, (victims: Member[]) => Promise<void>> = {
    kill: async (victims) => {
      await Promise.all(victims.map((member) => member.kill()))
      await this.#while()
      await Promise.all(victims.map((member) => member.start(diskOf(this.dir, member.name).env)))
    },
    pause: async (victims) => {
      for (const member of victims) member.signal('SIGSTOP')
      await this.#while()
      for (const member of victims) member.signal('SIGCONT')
    },
    'cut off': (victims) => this.#links(this.links.around(names(victims)), 'held'),
    'broken connections': (victims) => this.#links(this.links.around(names(victims)), 'broken'),
    'cannot be heard': (victims) => this.#links(this.links.from(names(victims)), 'held'),
    flapping: async (victims) => {
      for (let times = 0; times < 6; times++) {
        await this.#links(this.links.around(names(victims)), this.random.pick(['held', 'broken'] as const), 300)
        await sleep(this.random.below(300))
      }
    },
    slow: async (victims) => {
      for (const link of this.links.around(names(victims))) link.delay = this.random.below(SLOW_MS)
      await this.#while()
      this.links.heal()
    },
    'disk hangs': async (victims) => {
      for (const { name } of victims) writeFileSync(diskOf(this.dir, name).file, '')
      await this.#while()
      this.thaw()
    },
  }

  /** Any of them, to the leader, to another member, or to as many as the cluster can do without, rarely to all. What it was. */
  async strike(): Promise<string> {
    const kind = this.random.pick(Object.keys(this.kinds))
    const victims = await this.#victims()
    await this.kinds[kind]?.(victims)
    return `${kind} ${names(victims).join('')}`
  }

  thaw(): void {
    for (const { name } of this.cluster.members) {
      const { file } = diskOf(this.dir, name)
      if (existsSync(file)) rmSync(file)
    }
  }

  async #victims(): Promise<Member[]> {
    const { members } = this.cluster
    const whom = this.random.below(8)
    if (whom === 0) return [...members]
    const leader = await this.cluster.leader()
    if (whom < 4) return [leader]
    const others = members.filter((member) => member !== leader).sort(() => this.random.next() - 0.5)
    return others.slice(0, 1 + this.random.below((members.length - 1) / 2))
  }

  async #links(links: Link[], state: 'held' | 'broken', longest = FAULT_MAX_MS): Promise<void> {
    for (const link of links) link.set(state)
    await this.#while(longest)
    for (const link of links) link.set('open')
  }

  #while(longest = FAULT_MAX_MS): Promise<void> {
    return sleep(this.random.below(longest))
  }
}

function names(members: readonly Member[]): string[] {
  return members.map(({ name }) => name)
}
