// Very many deletes of many keys: the history keeps a bounded number of them. It is compacted by itself before that is reached; where
// everything is kept the next one is refused, until somebody compacts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare, type Database, del, open } from 'rafterdb'
import { afterEach, expect, test } from 'vitest'
import { eventually } from './harness.js'

/** Deletes of one transaction, and keys of each: one more than are deleted one by one when an entry has done much already. */
const DELETES = 120
const KEYS = 9

const directories: string[] = []
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

async function opened(keep: '1h' | 'all'): Promise<Database> {
  const dataDir = mkdtempSync(join(tmpdir(), 'rafterdb-crowded-'))
  directories.push(dataDir)
  const db = await open({ dataDir, history: { keep } })
  await Promise.all(Array.from({ length: 3880 }, (_, n) => db.put(`looked/${n}`, 'v')))
  return db
}

/** Adds so many deleted ranges to the history, of keys that are written first. */
async function deleteMany(db: Database) {
  const name = (at: number, n: number) => `many/${String(at).padStart(4, '0')}/${n}`
  const puts = Array.from({ length: DELETES * KEYS }, (_, n) => db.put(name(Math.floor(n / KEYS), n % KEYS), 'v'))
  await Promise.all(puts)
  const half = (first: number) => ({
    type: 'txn' as const,
    if: [],
    then: Array.from({ length: DELETES / 2 }, (_, n) => del({ prefix: `many/${String(first + n).padStart(4, '0')}/` })),
    else: [],
  })
  // What the compare looks at is not left for deletes one by one.
  const looks = compare({ prefix: 'looked/' }, 'version', '>', 0)
  await db
    .txn()
    .if(looks)
    .then(half(0), half(DELETES / 2))
    .commit()
}

const statusOf = async (db: Database) => {
  const [status] = await db.status()
  if (status === undefined) throw new Error('no status')
  return status
}

test('history is compacted early when it has many deleted ranges', { timeout: 60_000 }, async () => {
  const db = await opened('1h')
  for (let times = 0; times < 16; times++) await deleteMany(db)
  expect(await statusOf(db)).toMatchObject({ compactedRevision: 0, crowdedRevision: 0 })
  for (let times = 0; times < 2; times++) await deleteMany(db)
  await eventually('half of them go', async () => {
    const { compactedRevision, crowdedRevision } = await statusOf(db)
    expect(compactedRevision).toBeGreaterThan(0)
    expect(crowdedRevision).toBe(0)
  })
  await db.close()
})

test('where everything is kept one too many is refused, and nothing of it is done', { timeout: 60_000 }, async () => {
  const db = await opened('all')
  for (let times = 0; times < 34; times++) await deleteMany(db)
  const before = await statusOf(db)
  expect(before).toMatchObject({ compactedRevision: 0 })
  expect(before.crowdedRevision).toBeGreaterThan(0)
  const refused = { code: 'TOO_MANY_OPERATIONS', message: expect.stringContaining('history.keep') }
  await expect(deleteMany(db)).rejects.toMatchObject(refused)
  expect(await db.count({ prefix: 'many/' })).toBe(DELETES * KEYS)
  expect(await db.delete({ prefix: 'many/0000/' })).toMatchObject({ deleted: KEYS })
  await db.compact(before.crowdedRevision)
  await deleteMany(db)
  expect(await db.count({ prefix: 'many/' })).toBe(0)
  await db.close()
})
