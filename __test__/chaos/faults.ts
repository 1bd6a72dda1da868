// What may happen to a cluster, one thing at a time, from a seed: processes killed and paused, members cut off from the others, both ways
// or one, for long or again and again, slow links, disks that hang or are full. Each ends as it began. Judges nothing.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { RafterError } from 'rafterdb'
import type { Random } from '../client/random.js'
import type { Cluster, Member } from '../cluster/harness.js'
import type { Cuttable, LinkState, Network } from './links.js'

/** How long a fault lasts at most, ms: beyond the election timeout, so that another leads meanwhile. */
const FAULT_MAX_MS = 3_000

const LOSS = 'loses packets'

/** Places that need new room on a disk. */
const GROWING = ['wal.segment.create', 'store.flush.tables', 'store.history.seal']

interface Disk {
  frozen: string
  full: string
  env: Record<string, string>
}

/** The disk of each member hangs or is full while a file is there; its environment says so from the start. */
export function diskOf(dir: string, name: string): Disk {
  const frozen = join(dir, `rafterdb-chaos-${name}.frozen`)
  const full = join(dir, `rafterdb-chaos-${name}.full`)
  const faults = [`wal.sync=hang:${frozen}@1+`, ...GROWING.map((point) => `${point}=full:${full}@1+`)]
  return { frozen, full, env: { RAFTERDB_FAULTS: faults.join() } }
}

export class Faults {
  /** Whom the fault strikes that is there now. */
  readonly struck = new Set<Member>()

  constructor(
    readonly cluster: Cluster,
    readonly links: Network,
    readonly random: Random,
    /** Where the files are that hang the disks. */
    readonly dir: string,
  ) {}

  /** By name; each resolves when it is over. */
  readonly kinds: Record<string, (victims: Member[]) => Promise<void>> = {
    kill: async (victims) => {
      await Promise.all(victims.map((member) => member.kill()))
      await this.#while()
      await Promise.all(victims.map((member) => this.#restart(member)))
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
      this.links.slow(names(victims), this.random)
      await this.#while()
      this.links.heal()
    },
    [LOSS]: async (victims) => {
      this.links.lose?.(names(victims), this.random.below(50) / 100)
      await this.#while()
      this.links.heal()
    },
    'disk hangs': async (victims) => {
      for (const { name } of victims) writeFileSync(diskOf(this.dir, name).frozen, '')
      await this.#while()
      this.thaw()
    },
    'disk is full': async (victims) => {
      for (const { name } of victims) writeFileSync(diskOf(this.dir, name).full, '')
      await this.#while()
      this.thaw()
    },
  }

  /** Any of them, to the leader, to another member, or to as many as the cluster can do without, rarely to all. What it was. */
  async strike(): Promise<string> {
    const kind = this.random.pick(Object.keys(this.kinds).filter((name) => name !== LOSS || this.links.lose !== null))
    const victims = await this.#victims()
    for (const victim of victims) this.struck.add(victim)
    await this.kinds[kind]?.(victims)
    this.struck.clear()
    return `${kind} ${names(victims).join('')}`
  }

  /** Resolves when nothing strikes a member. */
  async over(member: Member): Promise<void> {
    while (this.struck.has(member)) await sleep(50)
  }

  /** Who was removed meanwhile does not start again. */
  async #restart(member: Member): Promise<void> {
    try {
      await member.start(diskOf(this.dir, member.name).env)
    } catch (error) {
      if (!(error instanceof RafterError) || error.code !== 'MEMBER_REMOVED') throw error
      await member.kill()
    }
  }

  thaw(): void {
    for (const { name } of this.cluster.members) {
      const { frozen, full } = diskOf(this.dir, name)
      for (const file of [frozen, full]) rmSync(file, { force: true })
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

  async #links(links: Cuttable[], state: LinkState, longest = FAULT_MAX_MS): Promise<void> {
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
