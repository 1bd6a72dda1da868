// Two groups share one log. One of them is quiet: its oldest entry must not hold up all that the other writes.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from 'rafterdb'
import { expect, test } from 'vitest'

const MIB = 2 ** 20
const WRITTEN_BYTES = 160 * MIB
const VALUE = 'x'.repeat(MIB)
/** What is retained, a segment of age before a flush, what a memtable holds, and the segment being written. */
const KEPT_BYTES_MAX = 64 * MIB

test('a group that writes nothing lets the log of the other one go', { timeout: 180_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rafterdb-quiet-group-'))
  const kept = (): number => {
    const log = join(dir, 'log')
    // Not the spares, of which several are there after a cut of several segments.
    const segments = readdirSync(log).filter((name) => name.endsWith('.wal'))
    return segments.reduce((sum, name) => sum + statSync(join(log, name)).size, 0)
  }
  const database = await open({ dataDir: dir, groups: 2, memory: 32 * MIB, logRetainBytes: 8 * MIB, requestTimeout: 60_000 })
  try {
    for (let i = 0; i < WRITTEN_BYTES / MIB; i += 4) {
      await Promise.all([0, 1, 2, 3].map((key) => database.put(`key ${key}`, VALUE)))
    }
    // Flushed, told to the core, and cut with the writes that follow.
    for (let i = 0; i < 40 && kept() > KEPT_BYTES_MAX; i += 1) {
      await database.put('key', VALUE)
      await sleep(250)
    }
    expect(kept()).toBeLessThanOrEqual(KEPT_BYTES_MAX)
  } finally {
    await database.close()
    rmSync(dir, { recursive: true, force: true })
  }
})
