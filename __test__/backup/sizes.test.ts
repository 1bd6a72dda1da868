// A cluster of several groups is restored into clusters of one, three and five members, which have what it had and are none of them it:
// whoever knew the old one is refused.
import { join } from 'node:path'
import { type Backup, connect, type Database, open, restoreBackup } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster, eventually } from '../cluster/harness.js'
import { freePorts } from '../ports.js'
import { type Row, rows, scratch } from './sources.js'

const GROUPS = 3
const MIB = 1 << 20
const { dir, remove } = scratch('backup-sizes')
const backups = join(dir, 'backups')
const options = { groups: GROUPS, memory: 64 * MIB, log: 'off' as const, requestTimeout: 60_000 }
let made: Backup
let wanted: Row[] = []
let identity = ''

beforeAll(async () => {
  await using cluster = await Cluster.start({ options: { groups: GROUPS, memory: 64 * MIB } })
  const db = await cluster.client()
  for (let i = 0; i < 50; i++) await db.put(`key/${i}`, `value ${i}`)
  await db.backup(backups)
  await db.put('key/1', 'again')
  await db.delete('key/2')
  made = await db.backup(backups)
  wanted = await rows(db)
  identity = made.cluster
})
afterAll(remove)

test.each([1, 3, 5])('into %i', async (size) => {
  const ports = await freePorts(size)
  const members = Object.fromEntries(ports.map((port, i) => [String.fromCharCode(97 + i), `127.0.0.1:${port}`]))
  const all = Object.keys(members).map((name) => ({ name, members, dataDir: join(dir, `${size}-${name}`) }))
  for (const place of all) {
    expect(await restoreBackup(backups, { ...place, groups: GROUPS })).toMatchObject({ restoredRevision: made.revision })
  }
  const dbs: Database[] = await Promise.all(all.map((place) => open({ ...options, ...place })))
  for (const db of dbs) expect(await rows(db)).toEqual(wanted)
  const { revision } = await dbs.at(-1)!.put('new', 'cluster')
  expect(revision).toBe(made.revision + 1_000_000_001)
  await eventually('one state everywhere', async () => {
    const statuses = await dbs[0]!.status()
    expect(statuses).toHaveLength(size)
    expect(new Set(statuses.map(({ stateHash, applied }) => `${stateHash} ${applied}`)).size).toBe(1)
    for (const { cluster } of statuses) expect(['', identity]).not.toContain(cluster)
  })
  // Every group has a leader: a change of the members goes through all of them.
  await dbs[0]!.members.add({ name: 'z', endpoint: '127.0.0.1:1' })
  await eventually('a learner', async () => expect((await dbs[0]!.members.list()).map(({ name }) => name)).toContain('z'))
  await Promise.all(dbs.map((db) => db.close()))
  // And again, from their own directories.
  const again: Database[] = await Promise.all(all.map((place) => open({ ...options, ...place })))
  expect(await again[0]!.get('new')).toBe('cluster')
  await Promise.all(again.map((db) => db.close()))
})

test('a member opens what was restored for it alone: with its groups, its name and its members', async () => {
  const dataDir = join(dir, 'alone')
  await restoreBackup(backups, { dataDir, groups: GROUPS })
  for (const other of [
    { groups: 1 },
    { name: 'other' },
    { name: 'a', members: { a: '127.0.0.1:1', b: '127.0.0.1:2', c: '127.0.0.1:3' } },
  ]) {
    await expect(open({ ...options, dataDir, ...other })).rejects.toMatchObject({ code: 'DATA_DIR_MISMATCH' })
  }
  await expect(restoreBackup(backups, { dataDir: join(dir, 'none'), groups: 0 })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
})

test('clients and backups of the old cluster are refused by the one that was restored at its address', async () => {
  const [port] = await freePorts(1)
  const members = { a: `127.0.0.1:${port}` }
  const place = { name: 'a', members }
  const old = await open({ ...place, dataDir: join(dir, 'old'), log: 'off' })
  await old.put('a', '1')
  const directory = join(dir, 'of-old')
  await old.backup(directory)
  const client = await connect({ endpoints: Object.values(members), requestTimeout: 60_000 })
  await client.put('a', '2')
  const watch = client.watch()
  const events = watch[Symbol.asyncIterator]()
  const seen = events.next().then(
    () => 'an event',
    (error: { code: string }) => error.code,
  )
  await client.get('a')
  await old.close()

  const dataDir = join(dir, 'restored')
  await restoreBackup(directory, { ...place, dataDir })
  const restored = await open({ ...place, dataDir, log: 'off' })
  await eventually('the watch ends', async () => expect(await Promise.race([seen, 'nothing yet'])).toBe('CLUSTER_MISMATCH'))
  // It is tried until its time is over: the old cluster might come back.
  const refused = { code: 'CLUSTER_MISMATCH' }
  await Promise.all([
    expect(client.put('stray', 'of the old client', { timeout: 3_000 })).rejects.toMatchObject(refused),
    expect(client.get('a', { timeout: 3_000 })).rejects.toMatchObject(refused),
  ])
  expect(await restored.get('stray')).toBe(null)
  expect(await restored.get('a')).toBe('1')
  await expect(restored.backup(directory)).rejects.toMatchObject({
    code: 'CLUSTER_MISMATCH',
    message: expect.stringMatching(/directory of its own/),
  })
  await Promise.all([client.close(), restored.close()])
})
