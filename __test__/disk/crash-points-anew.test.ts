// Goal: a process that dies at any step of making a cluster begin anew leaves a directory that nobody opens by accident, and that another
// run makes whole: under the identity that was begun with, with all that the member had.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'rafterdb'
import { afterAll, beforeAll, test } from 'vitest'
import { rafterdb } from '../cluster/command.js'
import { Cluster } from '../cluster/harness.js'
import { copyDirectory, scratch } from './places.js'
import { allPoints, isOfBeginningAnew } from './points.js'

const MIB = 1 << 20
const GROUPS = 2
const KEYS = 50

const place = scratch('crash-anew')
const prepared = join(place.path, 'prepared')
let name = ''

/** The directory of the leader of three with two groups, some of whose entries nobody else has. */
beforeAll(async () => {
  await using cluster = await Cluster.start({ options: { memory: 32 * MIB, groups: GROUPS } })
  const client = await cluster.client()
  for (let i = 0; i < KEYS; i++) await client.put(`key/${i}`, `value ${i}`)
  const left = await cluster.leader()
  for (const other of cluster.members) if (other !== left) other.signal('SIGSTOP')
  await client.put('taken', 'value', { timeout: 400 }).catch(() => null)
  await left.kill()
  name = left.name
  copyDirectory(left.dataDir, prepared)
})

afterAll(() => place.remove())

const recover = (dataDir: string, env: Record<string, string> = {}) =>
  rafterdb(['recover', '--data-dir', dataDir, '--force-new-cluster', '--json'], env)

interface Identity {
  format: number
  anew?: number
  recovering: number[]
}
const identityOf = (dataDir: string) => JSON.parse(readFileSync(join(dataDir, 'member.json'), 'utf8')) as Identity

/** Where `member.json` is written the second time, the cluster has begun anew in all but that. */
const OF_IDENTITY = ['member.identity', 'member.identified'].flatMap((point) => [1, 2].map((hit) => [point, hit] as const))
const OF_GROUPS = ['member.anew.applied', 'member.anew.stored'].map((point) => [point, GROUPS] as const)
const OF_OTHERS = [
  'store.flush.start',
  'store.flush.tables',
  'store.flush.installed',
  'wal.write',
  'wal.write.half',
  'wal.written',
]
const cases = [
  ...allPoints()
    .filter(isOfBeginningAnew)
    .map((point) => [point, 1] as const),
  ...OF_GROUPS,
  ...OF_IDENTITY,
  ...OF_OTHERS.map((point) => [point, 1] as const),
]

test.for(cases)('%s, hit %i', async ([point, hit], { expect }) => {
  const dataDir = join(place.path, `${point}-${hit}`)
  copyDirectory(prepared, dataDir)
  const died = await recover(dataDir, { RAFTERDB_FAULTS: `${point}=abort@${hit}` })
  expect(died.code, died.err).toBe('SIGABRT')
  const left = identityOf(dataDir)
  // Begun, and not done: nobody opens it.
  if (left.anew !== undefined) {
    await expect(open({ dataDir, name, groups: GROUPS, log: 'off' })).rejects.toMatchObject({ code: 'DATA_DIR_INCOMPLETE' })
    const serve = await rafterdb(['serve', '--name', name, '--groups', String(GROUPS), '--data-dir', dataDir])
    expect(serve).toMatchObject({ code: 1, err: expect.stringMatching(/about to begin anew .* run it again/) })
  }
  const done = await recover(dataDir)
  const isDone = done.code === 1 && /only voter of its cluster already/.test(done.err)
  expect(done.code === 0 || isDone, done.err).toBe(true)
  expect(isDone, 'only what is done is refused').toBe(left.anew === undefined && left.format === 3)
  expect(identityOf(dataDir)).toMatchObject({ recovering: [] })
  expect(identityOf(dataDir).anew).toBeUndefined()

  const db = await open({ dataDir, name, groups: GROUPS, memory: 32 * MIB, log: 'off' })
  const [status] = await db.status()
  expect(status?.formerClusters).toHaveLength(1)
  if (left.anew !== undefined) expect(status?.cluster).toBe(left.anew.toString(16))
  if (!isDone) expect(status?.cluster).toBe(JSON.parse(done.out).cluster)
  expect(await Promise.all(Array.from({ length: KEYS }, (_, i) => db.get(`key/${i}`)))).toEqual(
    Array.from({ length: KEYS }, (_, i) => `value ${i}`),
  )
  expect(await db.get('taken')).toBe('value')
  expect((await db.put('after', 'kept')).revision).toBeGreaterThan(1_000_000_000)
  await db.close()
})
