// Backups of a store that is written to all the while, and what is restored out of them: what a model of all changes has at the revision.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Backup, type Database, open, restoreBackup, verifyBackup } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { embedded, Load, Model, type Row, rows, scratch } from './sources.js'

const { dir, remove } = scratch('backup-load')
const backups = join(dir, 'backups')
const key = Buffer.alloc(32, 7)
const made: Backup[] = []
/** What the model has at revisions that are restored. */
const expected = new Map<number, Row[]>()
let old: { cluster: string; revision: number }
let restores = 0

beforeAll(async () => {
  const db = await embedded(dir, 'source')
  const model = new Model(db)
  for (let i = 0; i < 2_000; i++) void db.put(`fixed/${i}`, Buffer.alloc(300, i))
  const load = new Load(db)
  for (let i = 0; i < 4; i++) {
    made.push(await db.backup(backups, { key }))
    const goal = load.writes + 300
    while (load.writes < goal) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await load.stop()
  const { from, revision } = made[2] as Backup
  const ends = [made[0], made[1], made[3]].map((backup) => backup!.revision)
  for (const at of [...ends, Math.floor((from + revision) / 2), from + 1]) {
    expected.set(at, await model.at(at))
  }
  await model.close()
  const [status] = await db.status()
  old = { cluster: status!.cluster, revision: status!.revision }
  await db.close()
})
afterAll(remove)

async function restored(options: { revision?: number; time?: number } = {}): Promise<{ db: Database; revision: number }> {
  const dataDir = join(dir, `restored-${restores++}`)
  const { restoredRevision: revision } = await restoreBackup(backups, { dataDir, key, ...options })
  return { db: await open({ dataDir }), revision }
}

test('the first backup is full, the others continue it, and all are whole', async () => {
  expect(made.map(({ kind }) => kind)).toEqual(['full', 'incremental', 'incremental', 'incremental'])
  for (let i = 1; i < made.length; i++) expect(made[i]!.from).toBe(made[i - 1]!.revision)
  const verified = await verifyBackup(backups, { key })
  expect(verified.map(({ id, revision, pairs, changes, bytes }) => ({ id, revision, pairs, changes, bytes }))).toEqual(
    made.map(({ id, revision, pairs, changes, bytes }) => ({ id, revision, pairs, changes, bytes })),
  )
  expect(readdirSync(backups).length).toBe(4)
})

test('every pair is restored with its revisions and version, at any revision of the chain', async () => {
  expect(expected.size).toBe(5)
  for (const [revision, wanted] of expected) {
    const { db, revision: at } = await restored({ revision })
    expect(at).toBe(revision)
    expect(wanted.length).toBeGreaterThan(500)
    expect(await rows(db)).toEqual(wanted)
    await db.close()
  }
})

test('the newest state is a new cluster, whose revisions go on above the old one, with the history since the full backup', async () => {
  const { db, revision } = await restored()
  expect(revision).toBe(made.at(-1)!.revision)
  expect(await rows(db, made[1]!.revision)).toEqual(expected.get(made[1]!.revision))
  const { revision: next } = await db.put('fixed/1', 'after')
  expect(next).toBeGreaterThan(old.revision)
  expect(next).toBe(revision + 1_000_000_001)
  const [status] = await db.status()
  expect(status!.cluster).not.toBe('')
  expect(status!.cluster).not.toBe(old.cluster)
  expect((await db.getPair('fixed/1'))!.version).toBe(2)
  const watched: number[] = []
  for await (const event of db.watch({ fromRevision: made[0]!.revision + 1 })) {
    watched.push(event.revision)
    if (event.revision === next) break
  }
  expect(watched.length).toBe(made.slice(1).reduce((sum, { changes }) => sum + changes, 0) + 1)
  const before = await rows(db)
  await db.close()
  const again = await open({ dataDir: join(dir, `restored-${restores - 1}`) })
  expect(await rows(again)).toEqual(before)
  await again.close()
})

test('what is restored is refused a directory with something in it, and leaves none behind when it fails', async () => {
  const dataDir = join(dir, 'source')
  await expect(restoreBackup(backups, { dataDir, key })).rejects.toMatchObject({ code: 'DATA_DIR_MISMATCH' })
  const fresh = join(dir, 'fresh')
  const stop = new AbortController()
  const onProgress = () => stop.abort()
  await expect(restoreBackup(backups, { dataDir: fresh, key, onProgress, signal: stop.signal })).rejects.toMatchObject({
    code: 'ABORTED',
  })
  expect(existsSync(join(fresh, 'member.json'))).toBe(false)
  expect(readdirSync(fresh)).toEqual([])
  const far = made.at(-1)!.revision + 1
  await expect(restoreBackup(backups, { dataDir: fresh, key, revision: far })).rejects.toMatchObject({ code: 'FUTURE_REVISION' })
  const early = made[0]!.revision - 1
  await expect(restoreBackup(backups, { dataDir: fresh, key, revision: early })).rejects.toMatchObject({ code: 'COMPACTED' })
})
