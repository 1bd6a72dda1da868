// The members of the cluster change while the faults go on: somebody joins, somebody is removed. A
// change that the faults are in the way of is tried again, or given up. Judges only that who was removed ends.
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Database, RafterError } from 'rafterdb'
import type { Random } from '../client/random.js'
import { type Cluster, eventually, Member } from '../cluster/harness.js'
import type { Faults } from './faults.js'
import type { Network } from './links.js'

/** Members beyond those of the beginning, at most. */
const MORE_MAX = 2
/** How long a change is tried, ms. */
const PATIENCE_MS = 20_000
/** Between two changes, ms, at most. */
const PAUSE_MAX_MS = 2_000
const CALL_MS = 4_000

export interface ChangeOptions {
  cluster: Cluster
  network: Network
  faults: Faults
  random: Random
  /** Of each member that joins. */
  options: Record<string, unknown>
  env(name: string): Record<string, string>
}

export class Changes {
  /** What was done. */
  readonly made: string[] = []
  readonly #founders: number
  readonly #done: Promise<void>
  #stopped = false
  #joined = 0

  constructor(readonly given: ChangeOptions) {
    this.#founders = given.cluster.members.length
    this.#done = this.#run()
    // Reported by `stop`.
    this.#done.catch(() => {})
  }

  /** Ends the changes; whoever is no member any more has ended then, and who has joined is one. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
    await eventually('everybody who runs to be a member', () => this.#reconcile())
  }

  async #run(): Promise<void> {
    const { cluster, random } = this.given
    while (!this.#stopped) {
      await sleep(random.below(PAUSE_MAX_MS))
      const more = cluster.members.length - this.#founders
      if (more === 0 || (more < MORE_MAX && random.below(2) === 0)) await this.#join()
      else await this.#remove()
      await this.#reconcile().catch(() => {})
    }
  }

  /** Starts a member that joins, and waits for a while until it votes; it goes on by itself after that. */
  async #join(): Promise<void> {
    const { cluster, network, options, env } = this.given
    const name = `m${this.#joined++}`
    const { endpoint: listen, command } = await network.place(name)
    const advertise = await network.route('*', name, listen)
    const join = cluster.members.filter(({ isRunning }) => isRunning).map(({ endpoint }) => endpoint)
    const given = { ...options, name, listen, advertise, join }
    const member = new Member(name, 'serve', listen, cluster.dir, given as object, command)
    cluster.members.push(member)
    await member.start(env(name))
    await this.#attempt(async (db) => {
      const found = (await db.members.list({ timeout: CALL_MS })).find((other) => other.name === name)
      if (found?.role === 'voter') this.made.push(`${name} joins`)
      return found?.role === 'voter'
    })
  }

  /** Removes a member, also the leader. */
  async #remove(): Promise<void> {
    const { cluster, faults, random } = this.given
    const candidates = cluster.members.filter((member) => !faults.struck.has(member))
    if (candidates.length === 0) return
    const { name } = random.pick(candidates)
    await this.#attempt(async (db) => {
      const list = await db.members.list({ timeout: CALL_MS })
      if (!list.some((member) => member.name === name)) {
        this.made.push(`${name} leaves`)
        return true
      }
      await db.members.remove(name, { timeout: CALL_MS })
      return false
    })
  }

  /** Tries until it is done, or for as long as it is worth it. */
  async #attempt(change: (db: Database) => Promise<boolean>): Promise<void> {
    const until = performance.now() + PATIENCE_MS
    while (performance.now() < until) {
      try {
        if (await this.#ask(change)) return
      } catch (error) {
        if (!(error instanceof RafterError)) throw error
      }
      await sleep(100)
    }
  }

  /** Ends the processes of those who are no members any more: who serves does so by itself, and says why. */
  async #reconcile(): Promise<void> {
    const { cluster } = this.given
    const names = await this.#ask(async (db) => (await db.members.list({ timeout: CALL_MS })).map(({ name }) => name))
    for (const member of [...cluster.members]) {
      if (names.includes(member.name)) continue
      // Who has not joined yet is not listed either: it goes on until it is.
      if (!this.made.includes(`${member.name} leaves`) && !(await this.#isRemoved(member))) {
        await this.#goOn(member)
        continue
      }
      await this.#ended(member)
      cluster.members.splice(cluster.members.indexOf(member), 1)
      this.given.network.leave(member.name)
    }
    const missing = names.filter((name) => !cluster.members.some((member) => member.name === name))
    if (missing.length > 0) throw new Error(`${missing.join(', ')} came back`)
    if (names.length !== cluster.members.length) throw new Error(`${names.join(', ')} are listed`)
  }

  /** A member that has not joined before its disk is full ends, and is started again. */
  async #goOn(member: Member): Promise<void> {
    const { env, faults } = this.given
    if (member.isRunning || faults.struck.has(member) || !member.log.includes('DISK_FULL')) return
    await member.start(env(member.name))
  }

  async #isRemoved(member: Member): Promise<boolean> {
    if (member.kind === 'serve') return member.log.includes('MEMBER_REMOVED')
    return (
      member.isOpen &&
      (await member
        .running()
        .call('status')
        .then(() => false, isRemoval))
    )
  }

  async #ended(member: Member): Promise<void> {
    await this.given.faults.over(member)
    if (!member.isRunning) return
    if (member.kind === 'child') {
      // An app goes on without its member.
      await eventually(`${member.name} to know`, async () => {
        if (!(await this.#isRemoved(member))) throw new Error('it does not')
      })
      await member.kill()
      return
    }
    const code = await member.gone()
    if (code !== 1 || !member.log.includes('MEMBER_REMOVED')) throw new Error(`${member.name} ended with ${code}`)
  }

  async #ask<T>(question: (db: Database) => Promise<T>): Promise<T> {
    await using db = await connect({ endpoints: this.given.cluster.endpoints, requestTimeout: CALL_MS })
    return await question(db)
  }
}

const isRemoval = (error: unknown): boolean =>
  error instanceof RafterError && `${error.code} ${error.message}`.includes('MEMBER_REMOVED')
