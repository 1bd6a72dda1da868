// Long reads and short ones at one member: a long read yields after so many rows, and stops when nobody wants its answer.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { type Database, open } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'

const KEYS = 60_000
/** Rows that a read looks at before another has its turn; crates/plane/src/serve/thread.rs. */
const SLICE_ROWS = 4096
const SLICES = Math.floor(KEYS / SLICE_ROWS) + 1

let dir: string
let database: Database & { counters(): Record<string, number> }

const slices = (): number => database.counters()['readSlices'] as number

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rafterdb-long-reads-'))
  database = (await open({ dataDir: dir, requestTimeout: 120_000 })) as typeof database
  const puts: Promise<unknown>[] = []
  for (let key = 0; key < KEYS; key += 1) puts.push(database.put(`key ${String(key).padStart(6, '0')}`, 'value'))
  await Promise.all(puts)
}, 120_000)

afterAll(async () => {
  await database.close()
  rmSync(dir, { recursive: true, force: true })
})

/** Gets that are answered while two counts are under way. */
async function getsBesideCounts(): Promise<number> {
  let isDone = false
  const counts: Promise<number>[] = []
  for (let i = 0; i < 2; i += 1) {
    counts.push(database.count())
    // Each is a request of its own: what is called in one turn is asked for together.
    await turn()
  }
  void Promise.race(counts).then(() => {
    isDone = true
  })
  let gets = 0
  while (!isDone) {
    expect(await database.get('key 000001')).toBe('value')
    if (!isDone) gets += 1
  }
  expect(await Promise.all(counts)).toEqual([KEYS, KEYS])
  return gets
}

test('two long counts are done in slices, and gets are answered between them', { timeout: 60_000 }, async () => {
  const before = slices()
  const gets = [await getsBesideCounts()]
  expect(slices() - before).toBeGreaterThanOrEqual(2 * SLICES)
  // A busy machine may give the counts their turns and this thread none: then they are counted again. Behind a count that is not
  // done in slices there is one get, whenever.
  while (Math.max(...gets) < 5 && gets.length < 20) gets.push(await getsBesideCounts())
  expect(Math.max(...gets)).toBeGreaterThanOrEqual(5)
})

test('counts that are aborted stop', { timeout: 60_000 }, async () => {
  const COUNTS = 40
  const controller = new AbortController()
  const before = slices()
  const counts: Promise<unknown>[] = []
  for (let i = 0; i < COUNTS; i += 1) {
    counts.push(database.count({}, { signal: controller.signal }).catch((error) => error.code))
    await turn()
  }
  controller.abort()
  expect(new Set(await Promise.all(counts))).toContain('ABORTED')
  let last = -1
  while (slices() !== last) {
    last = slices()
    await sleep(200)
  }
  // What had begun, and no more.
  expect(last - before).toBeLessThan((COUNTS * SLICES) / 2)
})

test('a long range in both directions is whole and of one revision', { timeout: 60_000 }, async () => {
  const count = database.count()
  const writes = Array.from({ length: 50 }, (_, i) => database.put(`key 0${i}`, 'new'))
  const keys: string[] = []
  for await (const { key } of database.range({ reverse: true })) keys.push(key)
  await Promise.all(writes)
  expect([KEYS, KEYS + 50]).toContain(await count)
  expect(keys).toEqual([...new Set(keys)].sort().reverse())
  expect(keys.length).toBeGreaterThanOrEqual(KEYS)
})
