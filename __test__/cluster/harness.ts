// A cluster of real processes on free ports of the loopback interface, with data under a temporary directory.
// Members are `rafterdb serve`, or children that take orders where the app's own thread matters. Judges nothing.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect, type Database, type MemberStatus, type OpenOptions } from 'rafterdb'
import { membersText } from '../../src/server/parse.js'
import { freePorts } from '../ports.js'
import { Child, ProcessEnded } from './child.js'

/** The command line, as built. */
export const CLI = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url))
/** How long anything may take before a test gives up on it, ms. Far above what it takes. */
export const PATIENCE_MS = 60_000

/** `serve`: the command line. `child`: a process that takes orders. */
export type Kind = 'serve' | 'child'

/** Where a member lives: its endpoint, and what goes in front of the command that starts its process. */
export interface Place {
  readonly endpoint: string
  readonly command: readonly string[]
}

export interface ClusterOptions {
  /** One for each member, named a, b, c, …; default: three of `serve`. */
  kinds?: Kind[]
  /** The one that is a witness, by name. Default: none. */
  witness?: string | undefined
  /** Members of the cluster beyond those, which do not run. Default 0. */
  absent?: number
  /** Of each member's process. */
  env?: Record<string, string> | ((name: string) => Record<string, string>)
  /** Where a member finds another one, if not at that one's endpoint: a link that a test can cut. */
  route?: (from: string, to: string, endpoint: string) => Promise<string>
  /** Where the members live; default: on free ports of the loopback interface. */
  place?: (name: string) => Promise<Place>
  options?: Partial<
    Pick<
      OpenOptions,
      | 'memory'
      | 'logRetainBytes'
      | 'snapshotBytesPerSecond'
      | 'electionTimeout'
      | 'groups'
      | 'valueBytesMax'
      | 'durability'
      | 'history'
    >
  >
}

export class Member {
  /** The running process if it takes orders. */
  child: Child | null = null
  #process: ChildProcess | null = null
  #gone: Promise<unknown> = Promise.resolve()
  /** Whether a child's member is open. */
  isOpen = false
  readonly dataDir: string

  constructor(
    readonly name: string,
    readonly kind: Kind,
    readonly endpoint: string,
    readonly dir: string,
    readonly options: Partial<OpenOptions>,
    readonly command: readonly string[] = [],
  ) {
    this.dataDir = join(dir, name)
  }

  get isRunning(): boolean {
    return this.#process !== null || this.child !== null
  }

  /** The process that takes orders; ProcessEnded while there is none whose member is open. */
  running(): Child {
    if (this.child === null || !this.isOpen) throw new ProcessEnded(`${this.name} does not run`)
    return this.child
  }

  get pid(): number {
    return this.child?.pid ?? this.#process?.pid ?? 0
  }

  /** What it has logged; empty for a child. */
  get log(): string {
    return this.kind === 'serve' ? readFileSync(join(this.dir, `${this.name}.log`), 'utf8') : ''
  }

  /** Times that a snapshot has become its store. */
  get installed(): number {
    const current = readFileSync(join(this.dataDir, 'groups', '0000', 'CURRENT'), 'utf8')
    return Number(/^rafterdb-store \d+ (\d+)$/m.exec(current)?.[1]) - 1
  }

  /** Starts the process. For a child it resolves when the member is open. */
  async start(env: Record<string, string> = {}): Promise<void> {
    if (this.kind === 'child') {
      const child = new Child(env, this.command)
      this.child = child
      this.#gone = child.gone
      await child.ask('open', { requestTimeout: PATIENCE_MS, ...this.options, dataDir: this.dataDir })
      this.isOpen = true
      return
    }
    const log = openSync(join(this.dir, `${this.name}.log`), 'a')
    const [run = '', ...args] = [...this.command, process.execPath, CLI, 'serve', ...this.#flags()]
    const child = spawn(run, args, {
      stdio: ['ignore', 'ignore', log],
      env: { ...process.env, ...env },
    })
    this.#process = child
    this.#gone = new Promise((resolve) => child.once('exit', resolve))
  }

  signal(name: NodeJS.Signals): void {
    this.child?.signal(name)
    this.#process?.kill(name)
  }

  /** Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.gone()
  }

  /** Resolves when the process has ended, to its exit code, or to null or a signal if it was ended. */
  async gone(): Promise<unknown> {
    const how = await this.#gone
    this.child = null
    this.#process = null
    this.isOpen = false
    return how
  }

  /** Stops as its user would. */
  async stop(): Promise<void> {
    if (this.child) {
      await this.child.ask('close')
      this.child.release()
    } else this.signal('SIGTERM')
    await this.gone()
  }

  #flags(): string[] {
    const { members, history, ...rest } = this.options
    const flags = Object.entries(rest).map(([key, value]) => {
      const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
      return [flag, String(value)]
    })
    if (history?.keep !== undefined) flags.push(['--history', String(history.keep)])
    return [...flags.flat(), ...(members ? ['--members', membersText(members)] : []), '--data-dir', this.dataDir]
  }
}

/** On a free port of the loopback interface. */
export async function onLoopback(): Promise<Place> {
  const [port] = await freePorts(1)
  return { endpoint: `127.0.0.1:${port}`, command: [] }
}

export class Cluster implements AsyncDisposable {
  #clients: Database[] = []

  private constructor(
    readonly dir: string,
    readonly members: Member[],
    /** Endpoints of members that do not run, by name. */
    readonly absent: Readonly<Record<string, string>>,
  ) {}

  /** Of members that are not started yet, with the same options but for their names. */
  static of(members: readonly Pick<Member, 'name' | 'kind' | 'endpoint'>[], options: Partial<OpenOptions>): Cluster {
    const dir = mkdtempSync(join(tmpdir(), 'rafterdb-cluster-'))
    const all = members.map(({ name, kind, endpoint }) => new Member(name, kind, endpoint, dir, { ...options, name }))
    return new Cluster(dir, all, {})
  }

  /** Starts all members and waits for a leader. */
  static async start(given: ClusterOptions = {}): Promise<Cluster> {
    const { kinds = ['serve', 'serve', 'serve'], options = {}, absent = 0, env = {}, route, place = onLoopback, witness } = given
    const dir = mkdtempSync(join(tmpdir(), 'rafterdb-cluster-'))
    const names = Array.from({ length: kinds.length + absent }, (_, i) => String.fromCharCode(97 + i))
    const places: Place[] = []
    for (const name of names) places.push(await place(name))
    const endpoints = Object.fromEntries(names.map((name, i) => [name, (places[i] as Place).endpoint]))
    const members: Member[] = []
    for (const [i, kind] of kinds.entries()) {
      const name = names[i] as string
      const seen: NonNullable<OpenOptions['members']> = { ...endpoints }
      for (const other of names) if (route && other !== name) seen[other] = await route(name, other, endpoints[other] as string)
      const endpoint = endpoints[name] as string
      if (witness !== undefined) {
        const at = endpoints[witness] as string
        // It tells all others one address, and listens at its own.
        const isReachedByRoute = name === witness && route !== undefined
        seen[witness] = { endpoint: isReachedByRoute ? await route('*', witness, at) : at, witness: true }
      }
      const own = name === witness ? { listen: endpoint } : {}
      members.push(new Member(name, kind, endpoint, dir, { ...options, ...own, name, members: seen }, places[i]?.command))
    }
    const cluster = new Cluster(dir, members, Object.fromEntries(Object.entries(endpoints).slice(kinds.length)))
    try {
      await Promise.all(members.map((member) => member.start(typeof env === 'function' ? env(member.name) : env)))
      await cluster.leader()
    } catch (error) {
      const logs = members.map((member) => member.log).join('')
      await cluster[Symbol.asyncDispose]()
      throw new Error(`the cluster did not start\n${logs}`, { cause: error })
    }
    return cluster
  }

  get endpoints(): string[] {
    return this.members.map((member) => member.endpoint)
  }

  member(name: string): Member {
    const found = this.members.find((member) => member.name === name)
    if (found === undefined) throw new Error(`no member ${name}`)
    return found
  }

  /** A client of all members; closed with the cluster. */
  async client(requestTimeout = PATIENCE_MS): Promise<Database> {
    const db = await eventually('a member that answers', () => connect({ endpoints: this.endpoints, requestTimeout }))
    this.#clients.push(db)
    return db
  }

  /** What the members say of themselves, those that do not answer too. */
  async status(): Promise<MemberStatus[]> {
    await using db = await connect({ endpoints: this.endpoints, requestTimeout: 5_000 })
    return await db.status()
  }

  /** The member that leads, once one does and a majority says so. */
  async leader(): Promise<Member> {
    return eventually('a leader', async () => {
      const statuses = await this.status()
      for (const { name, role, term } of statuses) {
        const followers = statuses.filter((status) => status.leader === name && status.term === term)
        if (role === 'leader' && followers.length * 2 > this.members.length) return this.member(name)
      }
      throw new Error(describe(statuses))
    })
  }

  /** Waits until all members have applied all of the same log; for when nobody writes any more. */
  async settled(): Promise<MemberStatus[]> {
    return eventually('all members at the same index', async () => {
      const statuses = await this.status()
      const at = new Set(statuses.flatMap(({ lastIndex, applied }) => [lastIndex, applied]))
      const isWhole = statuses.every(({ role }) => role !== 'unreachable') && statuses.some(({ role }) => role === 'leader')
      if (at.size !== 1 || !isWhole) throw new Error(describe(statuses))
      return statuses
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((db) => db.close()))
    await Promise.all(this.members.filter((member) => member.isRunning).map((member) => member.kill()))
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Tries until it does not throw; the last reason goes into the failure. */
export async function eventually<T>(what: string, attempt: () => Promise<T>, patience = PATIENCE_MS): Promise<T> {
  const deadline = performance.now() + patience
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`waited ${patience} ms for ${what}`, { cause: error })
      await sleep(50)
    }
  }
}

/** A line for the message of a failure. */
export function describe(statuses: MemberStatus[]): string {
  return statuses
    .map((s) => `${s.name}: ${s.role} of term ${s.term}, last ${s.lastIndex}, applied ${s.applied}, hash ${s.stateHash}`)
    .join('; ')
}
