// Goal: whatever happens to a cluster of real processes, it answers as one store would: the history of all calls, of clients at each
// member, is linearizable, nothing acknowledged is lost, and in the end all members have the same state and go on.
// RAFTERDB_CHAOS_SECONDS and RAFTERDB_CHAOS_MEMBERS for other forms (`npm run chaos`), RAFTERDB_SEED repeats what happens to it, though
// not when exactly.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Database } from 'rafterdb'
import { expect, test } from 'vitest'
import { freshSeed, Random } from '../client/random.js'
import { Cluster, eventually, type Kind, type Member } from '../cluster/harness.js'
import { checkStore } from '../linearizability/store.js'
import { Caller, Recording, type Store, storeOf, storeOfMember } from './callers.js'
import { Changes } from './changes.js'
import { diskOf, Faults } from './faults.js'
import { Links, type Network } from './links.js'
import { Wires } from './wires.js'

const SECONDS = Number(process.env['RAFTERDB_CHAOS_SECONDS'] ?? 45)
const MEMBERS = Number(process.env['RAFTERDB_CHAOS_MEMBERS'] ?? 3)
/** Real networks, which lose packets, in place of proxies; set by those who made a network for it (`on-wires.test.ts`). */
const ON_WIRES = process.env['RAFTERDB_CHAOS_WIRES'] === '1'
/** Callers that ask one member, each, and that ask any. */
const LANES = 3
/** Of calmness after each fault, ms, at most. */
const CALM_MAX_MS = 1_500
const REQUEST_TIMEOUT_MS = 4_000
/** Little memory and a short log: tables are flushed, the log is cut, and who was away gets a snapshot. */
const SMALL = { memory: 32 << 20, logRetainBytes: 1 << 20 }

class World implements AsyncDisposable {
  readonly recording = new Recording()
  readonly callers: Caller[] = []
  readonly #clients: Database[] = []

  private constructor(
    readonly cluster: Cluster,
    readonly links: Network,
    readonly faults: Faults,
    readonly dir: string,
  ) {}

  static async start(members: number, random: Random): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), 'rafterdb-chaos-'))
    const links = ON_WIRES ? new Wires() : new Links()
    // Both kinds: embedded in an app that calls it, and a server.
    const kinds = Array.from({ length: members }, (_, i): Kind => (i % 2 === 0 ? 'child' : 'serve'))
    const env = (name: string) => diskOf(dir, name).env
    // In every other run of five the last one has no data.
    const witness = members >= 5 && random.below(2) === 0 ? 'e' : undefined
    const cluster = await Cluster.start({ kinds, env, options: SMALL, place: links.place, route: links.route, witness })
    return new World(cluster, links, new Faults(cluster, links, random, dir), dir)
  }

  /** Adds callers. A client finds the leader by itself; an app calls the member that it has. */
  call(name: string, store: Store, random: Random, isStale = false): void {
    for (let lane = 0; lane < LANES; lane++) {
      const seed = random.below(2 ** 31)
      this.callers.push(new Caller(this.recording, store, `${name}${lane}`, new Random(seed), isStale))
    }
  }

  async client(): Promise<Store> {
    const { endpoints } = this.cluster
    const db = await eventually('a client', () => connect({ endpoints, requestTimeout: REQUEST_TIMEOUT_MS }))
    this.#clients.push(db)
    return storeOf(db)
  }

  async callAll(random: Random): Promise<void> {
    for (const member of this.cluster.members)
      if (member.kind === 'child') this.call(member.name, storeOfMember(member, REQUEST_TIMEOUT_MS), random)
    this.call('client', await this.client(), random)
    this.call('other', await this.client(), random)
  }

  /** Ends the calls once the cluster answers again. */
  async stop(): Promise<void> {
    this.links.heal()
    this.faults.thaw()
    const { recording } = this
    const before = recording.acknowledged
    await eventually('writes to go on', async () => {
      if (recording.acknowledged < before + 50) throw new Error(`${recording.acknowledged - before} writes since the last fault`)
    })
    await Promise.all(this.callers.map((caller) => caller.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.cluster.members) if (member.isRunning) member.signal('SIGCONT')
    this.faults.thaw()
    await Promise.all(this.#clients.map((db) => db.close()))
    await this.cluster[Symbol.asyncDispose]()
    this.links[Symbol.dispose]()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** The longest time without an acknowledged write that begins within a span of time, ms. */
function longestGap(times: readonly number[], from: number, to: number): number {
  const gaps = times.slice(1).map((time, i) => [times[i] as number, time] as const)
  return Math.max(0, ...gaps.filter(([begin, end]) => end > from && begin < to).map(([begin, end]) => end - begin))
}

/** What the members say and have said, for a failure. */
async function describeAll({ cluster }: World): Promise<string> {
  const statuses = await cluster.status().catch(String)
  const logs = cluster.members.map(({ name, kind, isRunning, isOpen, log }) => {
    const lines = log.trimEnd().split('\n').slice(-40)
    return [`${name} (${kind}, ${isRunning ? 'runs' : 'does not run'}, ${isOpen ? 'open' : 'not open'}):`, ...lines].join('\n')
  })
  return [JSON.stringify(statuses), ...logs].join('\n\n')
}

test(`${SECONDS} s of faults to ${MEMBERS} members`, { timeout: SECONDS * 2_000 + 240_000 }, async () => {
  const seed = freshSeed()
  const random = new Random(seed)
  await using world = await World.start(MEMBERS, random)
  const { recording, cluster } = world
  await world.callAll(random)
  const env = (name: string) => diskOf(world.dir, name).env
  const { links: network, faults } = world
  const changes = new Changes({ cluster, network, faults, random: new Random(random.below(2 ** 31)), options: SMALL, env })
  const struck: string[] = []
  const gaps: number[] = []
  while (recording.now() < SECONDS * 1_000) {
    await sleep(random.below(CALM_MAX_MS))
    const from = recording.now()
    try {
      struck.push(await world.faults.strike())
      await cluster.leader()
    } catch (cause) {
      throw new Error(`seed ${seed}: after ${struck.join(', ')}\n${await describeAll(world)}`, { cause })
    }
    gaps.push(longestGap(recording.times, from, recording.now()))
  }
  await changes.stop()
  await world.stop()

  const statuses = await cluster.settled()
  const states = statuses.filter(({ role }) => role !== 'witness').map(({ stateHash }) => stateHash)
  expect(new Set(states).size, `seed ${seed}: ${JSON.stringify(statuses)}`).toBe(1)
  expect(checkStore(recording.calls).join('\n\n'), `seed ${seed}: ${struck.join(', ')}`).toBe('')
  const unknown = recording.calls.filter(({ output }) => output === undefined).length
  gaps.sort((a, b) => a - b)
  const at = (share: number) => Math.round(gaps[Math.min(gaps.length - 1, Math.floor(share * gaps.length))] ?? 0)
  console.log(
    [
      `seed ${seed}: ${struck.length} faults (${struck.join(', ')})`,
      `${statuses.length - states.length} witnesses at the end, ${changes.made.length} changes of the members (${changes.made.join(', ')})`,
      `${recording.calls.length} calls, ${recording.acknowledged} writes acknowledged, ${unknown} unknown`,
      `errors: ${[...recording.errors].map(([code, count]) => `${code} ${count}`).join(', ')}`,
      `without an acknowledged write, around a fault: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
    ].join('\n'),
  )
  expect(recording.acknowledged).toBeGreaterThan(SECONDS * 10)
})

test('a read that asks nobody who leads, at a member that is cut off, is found in the history', async () => {
  const random = new Random(freshSeed())
  await using world = await World.start(3, random)
  const leader = await world.cluster.leader()
  const follower = world.cluster.members.find((member) => member !== leader && member.kind === 'child') as Member
  world.call('client', await world.client(), random)
  world.call('stale', storeOfMember(follower, REQUEST_TIMEOUT_MS), random, true)
  await sleep(1_000)
  for (const link of world.links.around([follower.name])) link.set('held')
  await sleep(2_000)
  await world.stop()
  expect(checkStore(world.recording.calls)).not.toEqual([])
})
