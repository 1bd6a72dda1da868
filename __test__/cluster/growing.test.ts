// Goal: a cluster of real processes grows from three to five, has each of its founders replaced, moves, and shrinks to three, while apps
// read and write all the time: the history of all calls is linearizable, and none of them fails but for its time.
// RAFTERDB_GROWING_ROUNDS: how often it does so. Default 1.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Database } from 'rafterdb'
import { expect, test } from 'vitest'
import { Caller, Recording, storeOf } from '../chaos/callers.js'
import { freshSeed, Random } from '../client/random.js'
import { checkStore } from '../linearizability/store.js'
import { freePorts } from '../ports.js'
import { checkWrites } from './check-writes.js'
import { Cluster, eventually, Member, PATIENCE_MS } from './harness.js'
import { readBack } from './read-back.js'
import { WriteRecord } from './record.js'
import { targetOf, Writers } from './writers.js'

const ROUNDS = Number(process.env['RAFTERDB_GROWING_ROUNDS'] ?? 1)
const OPTIONS = { memory: 32 << 20, logRetainBytes: 1 << 20 }
/** Of each of two clients, for the full load. */
const LOAD_LANES = 64

/** The changes, by way of a client. */
class Growing {
  #made = 0

  constructor(
    readonly cluster: Cluster,
    readonly db: Database,
  ) {}

  /** Starts a member that joins; resolves to its name once it votes. */
  async join(name = `m${this.#made++}`): Promise<string> {
    const [port] = await freePorts(1)
    const endpoint = `127.0.0.1:${port}`
    const others = this.cluster.members.filter(({ isRunning }) => isRunning).map((member) => member.endpoint)
    const member = new Member(name, 'serve', endpoint, this.cluster.dir, { ...OPTIONS, name, listen: endpoint, join: others })
    this.cluster.members.push(member)
    await member.start()
    if (this.#made % 3 === 1) {
      // It is killed before it is a member, and goes on.
      await eventually('its directory', async () => readFileSync(join(member.dataDir, 'member.json')), PATIENCE_MS)
      await member.kill()
      await member.start()
    }
    await this.#has(name, 'voter')
    return name
  }

  /** Starts a member again, elsewhere. */
  async move(name: string): Promise<void> {
    const member = this.cluster.member(name)
    await member.stop()
    this.cluster.members.splice(this.cluster.members.indexOf(member), 1)
    await this.join(name)
    const { endpoint } = this.cluster.member(name)
    await eventually(`${name} at ${endpoint}`, async () => {
      const found = (await this.db.members.list()).find((member) => member.name === name)
      if (found?.endpoint !== endpoint) throw new Error(JSON.stringify(found))
    })
  }

  async remove(name: string): Promise<void> {
    await this.db.members.remove(name)
    await this.#gone(name)
  }

  /** One takes the place of another. */
  async replace(name: string, by: string): Promise<void> {
    await this.db.members.replace(name, by)
    await this.#gone(name)
  }

  /** Its process ends by itself. */
  async #gone(name: string): Promise<void> {
    const member = this.cluster.member(name)
    await member.gone()
    this.cluster.members.splice(this.cluster.members.indexOf(member), 1)
  }

  async #has(name: string, role: string): Promise<void> {
    await eventually(`${name} as a ${role}`, async () => {
      const found = (await this.db.members.list()).find((member) => member.name === name)
      if (found?.role !== role) throw new Error(JSON.stringify(found))
    })
  }
}

/** From three to five; the founders are replaced, everybody moves, and three are left; the names of these. */
async function growAndShrink(growing: Growing): Promise<string[]> {
  const founders = growing.cluster.members.map(({ name }) => name)
  const joined = [await growing.join(), await growing.join()]
  for (const [i, name] of founders.entries()) {
    const newcomer = await growing.join()
    await (i === 0 ? growing.replace(name, newcomer) : growing.remove(name))
    joined.push(newcomer)
  }
  for (const name of joined) await growing.move(name)
  for (const name of joined.splice(0, 2)) await growing.remove(name)
  return joined.sort()
}

/** All members are these, and have the same state. */
async function expectSettled(cluster: Cluster, names: string[]): Promise<void> {
  const statuses = await cluster.settled()
  expect(statuses.map(({ name }) => name)).toEqual(names)
  expect(new Set(statuses.map(({ stateHash }) => stateHash)).size).toBe(1)
}

test(`${ROUNDS} times from three to five and back, with other members at the end`, { timeout: ROUNDS * 120_000 }, async () => {
  const seed = freshSeed()
  const random = new Random(seed)
  await using cluster = await Cluster.start({ options: OPTIONS })
  const recording = new Recording()
  const clients = await Promise.all([0, 1].map(() => connect({ endpoints: cluster.endpoints, requestTimeout: PATIENCE_MS })))
  const callers = clients.flatMap((db, n) =>
    [0, 1, 2].map((lane) => new Caller(recording, storeOf(db), `c${n}${lane}`, new Random(random.below(2 ** 31)))),
  )
  const growing = new Growing(cluster, await cluster.client())
  let names: string[] = []
  for (let round = 0; round < ROUNDS; round++) names = await growAndShrink(growing)
  await sleep(500)
  await Promise.all(callers.map((caller) => caller.stop()))
  await expectSettled(cluster, names)
  expect(checkStore(recording.calls).join('\n\n'), `seed ${seed}`).toBe('')
  expect([...recording.messages], `seed ${seed}`).toEqual([])
  expect(recording.acknowledged).toBeGreaterThan(100)
  console.log(`${recording.calls.length} calls, ${recording.acknowledged} writes acknowledged, none failed`)
  await Promise.all(clients.map((db) => db.close()))
})

test('the same under more writes than the machine can do: none of them fails or is lost', { timeout: 240_000 }, async () => {
  await using cluster = await Cluster.start({ options: OPTIONS })
  const record = new WriteRecord()
  const clients = await Promise.all([0, 1].map(() => cluster.client()))
  const writers = clients.map((db, n) => new Writers({ record, target: targetOf(db), name: `w${n}`, lanes: LOAD_LANES }))
  const begin = performance.now()
  const names = await growAndShrink(new Growing(cluster, await cluster.client()))
  const seconds = (performance.now() - begin) / 1_000
  // Rejects with the first call that failed.
  await Promise.all(writers.map((writer) => writer.stop()))
  await expectSettled(cluster, names)
  expect(checkWrites(record, await readBack(await cluster.client()))).toEqual([])
  expect(record.acknowledged).toBeGreaterThan(1_000)
  console.log(`${record.acknowledged} writes acknowledged in ${seconds.toFixed(1)} s, none failed`)
})
