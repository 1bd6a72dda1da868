// Three members, each in a process of its own, for tests that take one of them away.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { MemberStatus, OpenOptions } from 'rafterdb'
import { freePorts } from '../ports.js'
import { Child } from './child.js'

export const NAMES = ['a', 'b', 'c'] as const
export type Name = (typeof NAMES)[number]

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Asks until there is an answer; a cluster that never gives one is a failure. */
export async function until<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline) {
    const answer = await ask().catch(() => null)
    if (answer !== null) return answer
    await pause(50)
  }
  throw new Error(`waited in vain: ${what}`)
}

export class Cluster {
  readonly children = new Map<Name, Child>()

  private constructor(
    private readonly path: string,
    readonly members: Record<string, string>,
    private readonly options: Omit<OpenOptions, 'dataDir'>,
  ) {}

  /** Three members with their data under `path`. `faults` by member. */
  static async start(path: string, options: Omit<OpenOptions, 'dataDir'>): Promise<Cluster> {
    const ports = await freePorts(NAMES.length)
    const members = Object.fromEntries(NAMES.map((name, i) => [name, `127.0.0.1:${ports[i]}`]))
    mkdirSync(path, { recursive: true })
    const cluster = new Cluster(path, members, options)
    await Promise.all(NAMES.map((name) => cluster.startMember(name)))
    return cluster
  }

  dataDir(name: Name): string {
    return join(this.path, name)
  }

  get endpoints(): string[] {
    return Object.values(this.members)
  }

  /** Starts a member; rejects as its `open` does. */
  async startMember(name: Name, faults = '', more: Partial<OpenOptions> = {}): Promise<Child> {
    const child = new Child(faults)
    this.children.set(name, child)
    try {
      await child.open({ ...this.options, ...more, name, members: this.members, dataDir: this.dataDir(name) })
    } catch (error) {
      this.children.delete(name)
      await child.kill()
      throw error
    }
    return child
  }

  child(name: Name): Child {
    const child = this.children.get(name)
    if (!child) throw new Error(`member ${name} does not run`)
    return child
  }

  async kill(name: Name): Promise<void> {
    await this.child(name).kill()
    this.children.delete(name)
  }

  /** Closes a member: everything it has is flushed. */
  async close(name: Name): Promise<void> {
    await this.child(name).end()
    this.children.delete(name)
  }

  /** The member that leads, as the others among `names` see it. */
  leader(names: readonly Name[] = NAMES): Promise<Name> {
    return until('a leader', async () => {
      for (const name of names) {
        const leads = (await this.child(name).status()).find((member) => member.role === 'leader')
        if (leads && names.includes(leads.name as Name)) return leads.name as Name
      }
      return null
    })
  }

  /** Waits until all members have applied the same entries, the first leader's at least; their states. */
  settled(): Promise<MemberStatus[]> {
    return until('all members at the same applied index', async () => {
      const all = await this.child(NAMES[0]).status()
      const [first] = all
      const isLike = (member: MemberStatus) => member.role !== 'unreachable' && member.applied === first?.applied
      return all.length === NAMES.length && all.every(isLike) && all.every(({ applied }) => applied > 0) ? all : null
    })
  }
}
