// A cluster under siege: liars send what they like, an honest client writes and reads all along, and at the end the members
// must all be up, agree, and serve. Knows nothing of what is sent.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, MemberStatus } from 'rafterdb'
import { Random } from '../client/random.js'
import { Cluster, type ClusterOptions, describe, eventually } from '../cluster/harness.js'

/** Longest time for one honest call, ms: an election and a half-minute's work of others on the same machine. */
const CALL_MS_MAX = 20_000
/** From the last lie until the members agree and serve, ms. */
const PEACE_MS_MAX = 30_000
/** Terms that lie below the cluster's; see records.ts. */
const OLD_TERMS = 3

/** What went wrong, in words; nothing if all is well. */
export type Complaints = string[]

export class Siege implements AsyncDisposable {
  readonly #complaints: Complaints = []
  #over = false
  #honest: Promise<void> = Promise.resolve()
  #calls = 0
  #slowest = 0

  private constructor(
    readonly cluster: Cluster,
    readonly db: Database,
  ) {}

  static async lay(options: ClusterOptions = {}): Promise<Siege> {
    const cluster = await Cluster.start(options)
    const siege = new Siege(cluster, await cluster.client(CALL_MS_MAX))
    for (const member of cluster.members) void member.gone().then(() => siege.#stopped(member.name))
    for (let term = 0; term < OLD_TERMS; ) {
      const leader = await cluster.leader()
      term = (await cluster.status()).find(({ name }) => name === leader.name)?.term ?? 0
      const others = cluster.members.filter((member) => member !== leader)
      if (term < OLD_TERMS) await siege.db.transferLeader(others[term % others.length]!.name).catch(() => {})
    }
    siege.#honest = siege.#live()
    return siege
  }

  /** Ends the siege and judges. `seed` repeats it. */
  async judge(seed: number): Promise<Complaints> {
    this.#over = true
    await this.#honest
    if (this.#complaints.length === 0) {
      const statuses = await this.#agreement().catch((error: Error) => this.#complain(`no agreement: ${String(error.cause)}`))
      if (statuses) this.#complaints.push(...disagreement(statuses))
    }
    const said = `${this.#calls} honest calls, the slowest ${Math.round(this.#slowest)} ms`
    return this.#complaints.map((complaint) => `seed ${seed}: ${complaint} (${said})`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true
    await this.#honest
    await this.cluster[Symbol.asyncDispose]()
  }

  #complain(complaint: string): void {
    this.#complaints.push(complaint)
  }

  #stopped(name: string): void {
    if (!this.#over)
      this.#complain(`member ${name} stopped: ${this.cluster.member(name).log.trim().split('\n').slice(-4).join(' | ')}`)
  }

  /** The honest client: what it wrote it reads, or somebody deleted it, and neither takes long. */
  async #live(): Promise<void> {
    for (let n = 0; !this.#over && this.#complaints.length === 0; n++) {
      const began = performance.now()
      try {
        const key = `honest/${n % 100}`
        await this.db.put(key, `${n}`)
        const read = await this.db.get(key)
        if (read !== null && read !== `${n}`) this.#complain(`wrote ${n}, read ${read}`)
      } catch (error) {
        this.#complain(`an honest call failed: ${String(error)}`)
      }
      this.#calls += 2
      this.#slowest = Math.max(this.#slowest, performance.now() - began)
      await sleep(5)
    }
    if (this.#slowest > CALL_MS_MAX) this.#complain('an honest call took too long')
  }

  /** Waits until all members that run have applied the same log. */
  #agreement(): Promise<MemberStatus[]> {
    return eventually(
      'the members to agree',
      async () => {
        await this.db.put('honest/last', 'v')
        const all = await this.cluster.status()
        const running = all.filter(({ name }) => this.cluster.members.some((member) => member.name === name))
        const at = new Set(running.flatMap(({ lastIndex, applied }) => [lastIndex, applied]))
        if (at.size !== 1 || running.some(({ role }) => role === 'unreachable')) throw new Error(describe(running))
        return running
      },
      PEACE_MS_MAX,
    )
  }
}

/** What is wrong with members that have applied the same log. */
export function disagreement(statuses: readonly MemberStatus[]): Complaints {
  const hashes = new Set(statuses.map(({ stateHash }) => stateHash))
  return hashes.size > 1 ? [`members disagree: ${describe([...statuses])}`] : []
}

/** Seeds of lanes that lie at the same time. */
export function lanesOf(seed: number, count: number): Random[] {
  return Array.from({ length: count }, (_, lane) => new Random(seed + 1_000_003 * lane))
}

/** How many lies a test tells: RAFTERDB_FUZZ_CASES, or a few thousand. */
export const CASES = Number(process.env['RAFTERDB_FUZZ_CASES'] ?? 5_000)
/** Time for so many, ms. */
export const TEST_MS = 120_000 + 20 * CASES
