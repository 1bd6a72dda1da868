// A delete of many keys on a real cluster: its asker learns how many they were, watches are told of each, members agree, and the
// compares of a transaction over too many keys are refused.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare, type Database, open, put, range } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { eventually } from './harness.js'

const KEYS = 12_000
const all = { prefix: 'many/' }
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-many-'))
let databases: Database[] = []

beforeAll(async () => {
  const [a, b, c] = await freePorts(3)
  const members = { a: `127.0.0.1:${a}`, b: `127.0.0.1:${b}`, c: `127.0.0.1:${c}` }
  databases = await Promise.all(
    Object.keys(members).map((name) => open({ name, members, dataDir: join(dir, name), requestTimeout: 60_000 })),
  )
  const names = Array.from({ length: KEYS }, (_, n) => `many/${String(n).padStart(6, '0')}`)
  await Promise.all(names.map((name) => (databases[0] as Database).put(name, 'v')))
}, 120_000)
afterAll(async () => {
  await Promise.all(databases.map((db) => db.close()))
  rmSync(dir, { recursive: true, force: true })
})

test('a transaction compares a bounded number of keys, and counts them all', { timeout: 60_000 }, async () => {
  const db = databases[1] as Database
  const compared = db
    .txn()
    .if(compare(all, 'version', '>', 0))
    .then(put('done', '1'))
    .commit()
  await expect(compared).rejects.toMatchObject({ code: 'TOO_MANY_OPERATIONS' })
  expect(await db.get('done')).toBeNull()
  const { results } = await db
    .txn()
    .then(range({ ...all, limit: 2 }))
    .commit()
  expect(results[0]).toMatchObject({ type: 'range', count: KEYS, more: true, pairs: [{ version: 1 }, { version: 1 }] })
})

test('a transaction may have as many ranges as an entry; what it reads beyond its bound is left out', async () => {
  const db = databases[1] as Database
  const { succeeded, results } = await db
    .txn()
    .if(...Array.from({ length: 64 }, (_, n) => compare({ prefix: `many/0000${n % 10}` }, 'version', '=', 1)))
    .then(...Array.from({ length: 64 }, () => range(all)))
    .commit()
  expect(succeeded).toBe(true)
  const pairs = results.map((result) => (result.type === 'range' ? result.pairs.length : Number.NaN))
  expect(pairs.reduce((sum, length) => sum + length)).toBeLessThan(5_000)
  for (const result of results) expect(result).toMatchObject({ type: 'range', count: KEYS, more: true })
  const nested = { type: 'txn' as const, if: [], then: Array.from({ length: 100 }, () => range(all)), else: [] }
  await expect(db.txn().then(nested, nested, nested).commit()).rejects.toMatchObject({
    code: 'TOO_MANY_OPERATIONS',
    message: expect.stringContaining('128'),
  })
})

test('a delete of many keys says how many they were, and watches are told of each', { timeout: 60_000 }, async () => {
  const watch = (databases[2] as Database).watch({ ...all, previous: true })
  const { deleted, revision } = await (databases[1] as Database).delete(all)
  expect(deleted).toBe(KEYS)
  const told = new Set<string>()
  for await (const event of watch) {
    expect(event).toMatchObject({ type: 'delete', revision, previous: { value: 'v' } })
    told.add(event.key)
    if (told.size === KEYS) break
  }
  for (const db of databases) expect(await db.count(all)).toBe(0)
  expect(await (databases[0] as Database).count(all, { revision: revision - 1 })).toBe(KEYS)
  const hashes = await eventually('the members agree', async () => {
    const status = await (databases[0] as Database).status()
    const found = new Set(status.map(({ stateHash }) => stateHash))
    if (found.size !== 1) throw new Error([...found].join())
    return found
  })
  expect(hashes.size).toBe(1)
})
