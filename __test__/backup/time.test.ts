// What is restored for a time: the last revision that a backup noted no later, to the millisecond of whoever made the backups.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { open, restoreBackup } from 'rafterdb'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { FORMAT, type Mark } from '../../src/backup/format.js'
import { BackupWriter } from '../../src/backup/writer.js'
import { MemoryStore, scratch } from './sources.js'

const { dir, remove } = scratch('backup-time')
let store: MemoryStore
let restores = 0
beforeEach(() => {
  store = new MemoryStore()
})
afterAll(remove)

/** When all begins. */
const T = Date.parse('2026-11-30T05:00:00.000Z')
const idOf = (n: number) => String(n).padStart(32, '0')

/** A full backup of no keys at revision 10. */
function full(id: number, mark: Mark, from = mark.revision): void {
  const writer = new BackupWriter(
    { format: FORMAT, id: idOf(id), kind: 'full', cluster: 'c', from, parent: null, at: mark.at },
    undefined,
    1,
  )
  store.files.set(`full-${id}.backup`, Buffer.concat([writer.begin(), writer.endFrame(mark)]))
}

/** An incremental one whose every revision puts a key of its own, noted at the times that are given. */
function incremental(id: number, parent: number, from: Mark, marks: Mark[]): void {
  const writer = new BackupWriter(
    { format: FORMAT, id: idOf(id), kind: 'incremental', cluster: 'c', from: from.revision, parent: idOf(parent), at: from.at },
    undefined,
    1,
  )
  const frames = [writer.begin()]
  let done = from.revision
  for (const [i, mark] of marks.entries()) {
    const changes = Array.from({ length: mark.revision - done }, (_, n) => {
      const revision = done + n + 1
      return {
        type: 'put' as const,
        revision,
        key: Buffer.from(`k${revision}`),
        value: Buffer.from('v'),
        createRevision: revision,
        version: 1,
      }
    })
    done = mark.revision
    frames.push(writer.changesFrame(changes), i === marks.length - 1 ? writer.endFrame(mark) : writer.markFrame(mark))
  }
  store.files.set(`incremental-${id}.backup`, Buffer.concat(frames))
}

async function restoredAt(time: number): Promise<{ revision: number; keys: string[] }> {
  const dataDir = join(dir, `${restores++}`)
  const { restoredRevision: revision } = await restoreBackup(store, { dataDir, time })
  const db = await open({ dataDir, log: 'off' })
  const keys: string[] = []
  for await (const { key } of db.range()) keys.push(key)
  await db.close()
  return { revision, keys }
}

test('just before a change is noted it is not there, and from that millisecond on it is', async () => {
  full(1, { revision: 10, at: T })
  incremental(2, 1, { revision: 10, at: T }, [
    { revision: 11, at: T + 1_000 },
    { revision: 13, at: T + 2_000 },
  ])
  expect(await restoredAt(T)).toEqual({ revision: 10, keys: [] })
  expect(await restoredAt(T + 999)).toEqual({ revision: 10, keys: [] })
  expect(await restoredAt(T + 1_000)).toEqual({ revision: 11, keys: ['k11'] })
  expect(await restoredAt(T + 1_999)).toEqual({ revision: 11, keys: ['k11'] })
  expect(await restoredAt(T + 2_000)).toEqual({ revision: 13, keys: ['k11', 'k12', 'k13'] })
  expect(await restoredAt(T + 9_000)).toEqual({ revision: 13, keys: ['k11', 'k12', 'k13'] })
})

test('of several changes that the clock tells no difference between, the last counts', async () => {
  full(1, { revision: 10, at: T })
  incremental(2, 1, { revision: 10, at: T }, [
    { revision: 11, at: T + 500 },
    { revision: 12, at: T + 500 },
    { revision: 13, at: T + 501 },
  ])
  expect((await restoredAt(T + 499)).revision).toBe(10)
  expect((await restoredAt(T + 500)).revision).toBe(12)
  expect((await restoredAt(T + 501)).revision).toBe(13)
})

test('also if they are in two backups, one of which ends in the millisecond in which the other begins', async () => {
  full(1, { revision: 10, at: T })
  incremental(2, 1, { revision: 10, at: T }, [{ revision: 11, at: T }])
  incremental(3, 2, { revision: 11, at: T }, [
    { revision: 12, at: T },
    { revision: 13, at: T + 1 },
  ])
  expect(await restoredAt(T)).toEqual({ revision: 12, keys: ['k11', 'k12'] })
  expect((await restoredAt(T + 1)).revision).toBe(13)
})

test('a time between the end of one backup and the first change of the next has the state of the first', async () => {
  full(1, { revision: 10, at: T })
  incremental(2, 1, { revision: 10, at: T }, [{ revision: 11, at: T + 1_000 }])
  incremental(3, 2, { revision: 11, at: T + 1_000 }, [{ revision: 12, at: T + 60_000 }])
  expect((await restoredAt(T + 30_000)).revision).toBe(11)
})

test('the newest full backup that is not too new is what it begins with', async () => {
  full(1, { revision: 10, at: T })
  incremental(2, 1, { revision: 10, at: T }, [{ revision: 12, at: T + 1_000 }])
  full(3, { revision: 20, at: T + 2_000 })
  expect((await restoredAt(T + 1_999)).keys).toEqual(['k11', 'k12'])
  // The full one of this test has no keys.
  expect(await restoredAt(T + 2_000)).toEqual({ revision: 20, keys: [] })
})

test('a time before the beginning is refused with what there is, and nothing is made', async () => {
  full(1, { revision: 10, at: T })
  const dataDir = join(dir, 'early')
  await expect(restoreBackup(store, { dataDir, time: T - 1 })).rejects.toMatchObject({
    code: 'COMPACTED',
    message: expect.stringMatching(
      /do not go back to 2026-11-30T04:59:59\.999Z: they begin at revision 10, 2026-11-30T05:00:00\.000Z/,
    ),
  })
  expect(readdirSync(dir)).not.toContain('early')
  for (const time of [0, -1, 1.5, Number.NaN]) {
    await expect(restoreBackup(store, { dataDir, time })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
  await expect(restoreBackup(store, { dataDir, time: T, revision: 10 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('what follows a store notes the time beside what it saw by then', async () => {
  const source = await open({ dataDir: join(dir, 'source'), log: 'off' })
  await source.put('before', 'it')
  await source.backup(store)
  const stop = new AbortController()
  const following = source.backup(store, { follow: true, interval: 50, signal: stop.signal })
  const seen: { revision: number; at: number }[] = []
  for (let i = 0; i < 5; i++) {
    const { revision } = await source.put(`k${i}`, 'v')
    await vi.waitFor(() => expect(store.files.size).toBeGreaterThan(seen.length + 1), { timeout: 30_000 })
    seen.push({ revision, at: Date.now() })
    // The next change is not of this millisecond.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  stop.abort()
  await following
  await source.close()
  for (const { revision, at } of seen) expect((await restoredAt(at)).revision).toBe(revision)
})
