// Goal: a member that dies at any step of sending, receiving or installing a snapshot, or of recovering from the loss of its
// directory, catches up after a restart, with the same state as the others and every acknowledged write, while nothing is lost
// meanwhile.
// RAFTERDB_CRASH_HITS=n: each point at its first n hits (default 1). RAFTERDB_SEED: another plan.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { check } from './check.js'
import { endChildren } from './child.js'
import { Cluster, NAMES, type Name } from './cluster.js'
import { readLedger } from './ledger.js'
import { scratch } from './places.js'
import { type Lanes, plan } from './plan.js'
import { allPoints, isOfFounding, isOfIncrements, isOfRecovery, isOfResuming, isOfSnapshots } from './points.js'

const HITS = Number(process.env['RAFTERDB_CRASH_HITS'] ?? 1)
const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const MIB = 1 << 20
const options = { memory: 32 * MIB, logRetainBytes: 0, requestTimeout: 60_000 }

/** So much that memtables are flushed and the log is cut. */
const OPERATIONS = 150
const LANES = plan(SEED, { lanes: 8, operations: OPERATIONS, valueBytes: 48 << 10, compacts: true })
const upTo = (end: number): Lanes => Object.fromEntries(Object.entries(LANES).map(([lane, list]) => [lane, list.slice(0, end)]))

const place = scratch('crash-snapshot')
const ledger = join(place.path, 'ledger')
let cluster: Cluster
let done = 0

/** Writes the next operations through the leader. */
async function write(end: number, names: readonly Name[]): Promise<void> {
  const child = cluster.child(await cluster.leader(names))
  await child.ask('ledger', { path: ledger })
  expect(await child.run(upTo(end), done)).toEqual([])
  done = end
}

beforeAll(async () => {
  cluster = await Cluster.start(place.path, options)
  await write(5, NAMES)
  // All others go on without it until their logs begin after its end: then only a snapshot can help it.
  await cluster.kill('c')
  await write(OPERATIONS, ['a', 'b'])
})

// Each case begins with a member that has nothing.
beforeEach(() => rmSync(cluster.dataDir('c'), { recursive: true, force: true }))

afterEach(async () => {
  if (cluster.children.has('c')) await cluster.kill('c')
})

afterAll(async () => {
  await endChildren()
  place.remove()
})

async function expectCaughtUp(): Promise<void> {
  const all = await cluster.settled()
  expect(new Set(all.map((member) => member.stateHash)).size, JSON.stringify(all)).toBe(1)
  const pairs = await cluster.child('c').dump({ consistency: 'serializable' })
  expect(check(LANES, readLedger(ledger), pairs), `seed ${SEED}`).toEqual([])
}

const ofOneConnection = (point: string) =>
  isOfSnapshots(point) && !isOfResuming(point) && !isOfIncrements(point) && point !== 'member.snapshot.send'
const receiving = allPoints().filter((point) => isOfRecovery(point) || ofOneConnection(point))
const hits = Array.from({ length: HITS }, (_, n) => n + 1)
/** Of `member.json`: written when the directory is new, when log and stores are made, and when the mark goes. */
const WRITTEN = [1, 2, 3]
const hitsOf = (point: string) => (isOfFounding(point) ? WRITTEN : hits)

const cases = [...receiving, ...allPoints().filter(isOfFounding)].flatMap((point) =>
  hitsOf(point).map((hit) => [point, hit] as const),
)

test.for(cases)('%s, hit %i', async ([point, hit]) => {
  const starting = cluster.startMember('c', `${point}=abort@${hit}`)
  // The end may come while it opens.
  const gone = starting.then(
    (child) => child.gone,
    (error: Error) => error.message,
  )
  // Some points are reached once a snapshot: their later hits need another one, and are not waited for.
  if (hit === 1 || isOfFounding(point)) expect(await gone).toMatch(/SIGABRT/)
  else await Promise.race([gone, cluster.settled()])
  await cluster.children.get('c')?.kill()
  cluster.children.delete('c')
  await cluster.startMember('c')
  await expectCaughtUp()
})

test('member.snapshot.send: the leader dies while it sends', async () => {
  const leader = await cluster.leader(['a', 'b'])
  const heir = leader === 'a' ? 'b' : 'a'
  // The other one, with the fault, takes over when the leader goes; it then sends the snapshot.
  await cluster.kill(heir)
  const armed = await cluster.startMember(heir, 'member.snapshot.send=abort@2')
  await cluster.leader(['a', 'b'])
  await cluster.child(leader).ask('transfer', { to: heir })
  await cluster.startMember('c')
  expect(await armed.gone).toBe('SIGABRT')
  cluster.children.delete(heir)
  await cluster.startMember(heir)
  await expectCaughtUp()
})
