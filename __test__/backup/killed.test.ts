// Goal: a process that dies at any step of a backup leaves a directory of whole backups, to which the next one adds; one that dies at any
// step of a restore leaves a directory that nobody opens by accident and that the next restore makes anew, or one that is done.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Backup, open, restoreBackup, verifyBackup } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rafterdb } from '../cluster/command.js'
import { Cluster } from '../cluster/harness.js'
import { allPoints, isOfBackups, isOfObjectStores, isOfRestores } from '../disk/points.js'
import { embedded, type Row, rows, scratch } from './sources.js'

const { dir, remove } = scratch('backup-killed')
const backups = join(dir, 'backups')
const made: Backup[] = []
let wanted: Row[] = []

/** A full backup, and an incremental one. */
beforeAll(async () => {
  const db = await embedded(dir, 'source')
  for (let i = 0; i < 100; i++) await db.put(`key/${i}`, Buffer.alloc(1_000, i))
  made.push(await db.backup(backups))
  for (let i = 0; i < 50; i++) await db.put(`key/${i}`, 'again')
  made.push(await db.backup(backups))
  wanted = await rows(db)
  await db.close()
})
afterAll(remove)

/** Beside its own points those of what it is made of. */
const OF_RESTORES = [
  ...allPoints().filter(isOfRestores),
  ...['store.install.built', 'store.install.switch', 'store.install.switched', 'store.history.write', 'store.flush.start'],
  ...['store.flush.tables', 'store.flush.installed', 'wal.segment.created', 'wal.write', 'wal.sync'],
  ...['member.identity', 'member.identified'],
]
/** From there on the directory is a member's. */
const NAMED = ['member.identified', 'member.restore.named']

test.for(OF_RESTORES)('a restore that dies at %s', async (point, { expect }) => {
  const dataDir = join(dir, point)
  const restore = (env: Record<string, string> = {}) =>
    rafterdb(['restore', backups, '--data-dir', dataDir, '--groups', '2'], env)
  expect(await restore({ RAFTERDB_FAULTS: `${point}=abort` })).toMatchObject({ code: 'SIGABRT' })
  const isNamed = NAMED.includes(point)
  expect(existsSync(join(dataDir, 'member.json'))).toBe(isNamed)
  if (!isNamed) {
    await expect(open({ dataDir, groups: 2, log: 'off' })).rejects.toMatchObject({
      code: 'DATA_DIR_INCOMPLETE',
      message: expect.stringMatching(/a restore into it was begun .* has not ended: run it again/),
    })
    expect(await restore()).toMatchObject({ code: 0, err: '' })
  } else {
    expect(await restore()).toMatchObject({ code: 1, err: expect.stringMatching(/was restored already.* \(DATA_DIR_MISMATCH\)/) })
  }
  const db = await open({ dataDir, groups: 2, log: 'off' })
  expect(await rows(db)).toEqual(wanted)
  await db.close()
  expect(readdirSync(dataDir).filter((name) => name.includes('unfinished'))).toEqual([])
})

test('a restore that fails at its last step leaves nothing that is taken for a member', async () => {
  for (const point of ['member.identity', 'member.identified', 'member.restore.begun', 'member.restore.stored']) {
    const dataDir = join(dir, `failed-${point}`)
    const env = { RAFTERDB_FAULTS: `${point}=error` }
    expect(await rafterdb(['restore', backups, '--data-dir', dataDir], env)).toMatchObject({ code: 1 })
    expect([point, readdirSync(dataDir)]).toEqual([point, []])
  }
})

test('what is a member’s is never taken for what a restore left, whatever is missing of it', async () => {
  const dataDir = join(dir, 'member')
  const env = { RAFTERDB_FAULTS: 'member.restore.named=abort' }
  expect(await rafterdb(['restore', backups, '--data-dir', dataDir], env)).toMatchObject({ code: 'SIGABRT' })
  expect(readdirSync(dataDir)).toContain('restore.unfinished')
  const db = await open({ dataDir, log: 'off' })
  await db.put('only', 'here')
  await db.close()
  rmSync(join(dataDir, 'member.json'))
  await expect(restoreBackup(backups, { dataDir })).rejects.toMatchObject({ code: 'DATA_DIR_MISMATCH' })
  expect(existsSync(join(dataDir, 'groups'))).toBe(true)
})

test.for(allPoints().filter((point) => isOfBackups(point) && !isOfObjectStores(point)))(
  'a backup that dies at %s',
  async (point, { expect }) => {
    await using cluster = await Cluster.start({ kinds: ['serve'] })
    const db = await cluster.client()
    const directory = join(dir, point)
    await db.put('first', 'backup')
    const first = await db.backup(directory)
    await db.put('second', 'backup')
    const backup = (env: Record<string, string> = {}) =>
      rafterdb(['backup', directory, '--json', '--endpoints', cluster.endpoints.join()], env)
    expect(await backup({ RAFTERDB_FAULTS: `${point}=abort` })).toMatchObject({ code: 'SIGABRT' })
    const isNamed = point === 'backup.named'
    expect(await verifyBackup(directory)).toHaveLength(isNamed ? 2 : 1)
    const again = await backup()
    expect(again.code, again.err).toBe(0)
    expect(JSON.parse(again.out)).toMatchObject({
      kind: 'incremental',
      from: first.revision,
      bytes: isNamed ? 0 : expect.any(Number),
    })
    expect(await verifyBackup(directory)).toHaveLength(2)
    const dataDir = join(dir, `${point}-restored`)
    await restoreBackup(directory, { dataDir })
    const restored = await open({ dataDir, log: 'off' })
    expect(await rows(restored)).toEqual(await rows(db))
    await restored.close()
  },
)

test('a restore that dies again and again in the same directory is done in the end', async () => {
  const dataDir = join(dir, 'again')
  for (const point of ['member.restore.changes', 'member.restore.logged', 'member.restore.begun', 'member.restore.pairs']) {
    const env = { RAFTERDB_FAULTS: `${point}=abort` }
    expect(await rafterdb(['restore', backups, '--data-dir', dataDir], env)).toMatchObject({ code: 'SIGABRT' })
  }
  expect(await restoreBackup(backups, { dataDir })).toMatchObject({ restoredRevision: made[1]!.revision })
  const db = await open({ dataDir, log: 'off' })
  expect(await rows(db)).toEqual(wanted)
  await db.close()
})
