// History does not grow for ever: members compact by themselves what is older than they keep, and nothing that is younger, whoever
// leads. Disk space follows, and a new store takes little of it.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { Cluster, eventually } from './harness.js'

const MIB = 2 ** 20
const KEYS = 100
const PUTS = 60_000
const VALUE = 'v'.repeat(256)

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-compaction-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function diskBytes(path: string): number {
  const entries = readdirSync(path, { withFileTypes: true })
  return entries.reduce((sum, entry) => {
    const inside = join(path, entry.name)
    return sum + (entry.isDirectory() ? diskBytes(inside) : (statSync(inside, { throwIfNoEntry: false })?.size ?? 0))
  }, 0)
}

async function write(db: Database, puts: number): Promise<void> {
  for (let done = 0; done < puts; done += 1000)
    await Promise.all(Array.from({ length: 1000 }, (_, i) => db.put(`key ${(done + i) % KEYS}`, VALUE)))
}

const compacted = async (db: Database) => (await db.status())[0]?.compactedRevision ?? 0

test('a new store takes a few megabytes', async () => {
  const dataDir = join(dir, 'new')
  await using db = await open({ dataDir })
  await db.put('key', 'value')
  const bytes = diskBytes(dataDir)
  console.log(`a new store takes ${(bytes / MIB).toFixed(1)} MiB`)
  expect(bytes).toBeLessThan(8 * MIB)
})

test('what is beyond the number of revisions that is kept goes, and its space with it', { timeout: 120_000 }, async () => {
  const dataDir = join(dir, 'revisions')
  const store = join(dataDir, 'groups')
  await using db = await open({ dataDir, history: { keep: 1000 } })
  await write(db, PUTS)
  const written = diskBytes(store)
  const compactedTo = (least: number) =>
    eventually('a compaction', async () => {
      const at = await compacted(db)
      if (at < least) throw new Error(`compacted at ${at}`)
    })
  await compactedTo(PUTS - 2000)
  // What one compaction left of the segment that it ended in goes with the next.
  await write(db, 4000)
  await compactedTo(PUTS + 2000)
  await eventually('its space', async () => {
    const bytes = diskBytes(store)
    if (bytes > 4 * MIB) throw new Error(`${bytes} bytes`)
  })
  console.log(`${written} bytes of store after ${PUTS} puts, ${diskBytes(store)} after the compaction`)
  const { revision } = (await db.status())[0]!
  // The bound is kept.
  expect(revision - (await compacted(db))).toBeGreaterThanOrEqual(1000)
  expect(await db.get('key 1', { revision: revision - 900 })).toBe(VALUE)
})

test("'all' keeps everything", async () => {
  await using db = await open({ dataDir: join(dir, 'all'), history: { keep: 'all' } })
  await write(db, 3000)
  await sleep(2500)
  expect(await compacted(db)).toBe(0)
  await expect(open({ dataDir: join(dir, 'none'), history: { keep: 0 } })).rejects.toThrow('history.keep is a time such as')
})

test('no change of leader makes history go that is younger than what is kept', { timeout: 120_000 }, async () => {
  const KEEP_MS = 4000
  await using cluster = await Cluster.start({ options: { history: { keep: '4s' } } })
  const db = await cluster.client()
  const writtenAt = new Map<number, number>()
  let seen = 0
  const begin = performance.now()
  for (let turn = 0; performance.now() - begin < 16_000; turn++) {
    const { revision } = await db.put(`key ${turn % 10}`, VALUE)
    writtenAt.set(revision, performance.now())
    if (turn % 100 === 99) {
      const statuses = await db.status()
      const now = performance.now()
      for (const { compactedRevision } of statuses.filter(({ role }) => role !== 'unreachable')) {
        seen = Math.max(seen, compactedRevision)
        const at = writtenAt.get(compactedRevision)
        if (at !== undefined) expect(now - at).toBeGreaterThanOrEqual(KEEP_MS)
      }
    }
    if (turn % 400 === 399) {
      const leader = (await db.status()).find(({ role }) => role === 'leader')?.name
      await db.transferLeader(leader === 'a' ? 'b' : 'a').catch(() => {})
    }
    await sleep(5)
  }
  expect(seen).toBeGreaterThan(0)
  const settled = await cluster.settled()
  await eventually('the same compaction everywhere', async () => {
    const all = new Set((await db.status()).map(({ compactedRevision }) => compactedRevision))
    if (all.size !== 1) throw new Error([...all].join())
  })
  expect(new Set(settled.map(({ stateHash }) => stateHash)).size).toBe(1)
})
