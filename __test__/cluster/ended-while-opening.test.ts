// Goal: a worker thread that ends while it opens a store, however long that takes, has let go of the directory by the time its end
// is told: another thread of the process opens it at once. On a busy machine an open takes seconds.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { open } from 'rafterdb'
import { afterAll, expect, test, vi } from 'vitest'

/** The first open of the process stops for so long, with the directory locked, ms. */
const STOPS = 1_500
vi.hoisted(() => {
  process.env['RAFTERDB_FAULTS'] = 'member.agreed=delay:1500'
})

const IDLE = new URL('./fixtures/idle-worker.mjs', import.meta.url)
const dataDir = mkdtempSync(join(tmpdir(), 'rafterdb-opening-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

test('a worker is terminated while it opens a store, which takes long', { timeout: 60_000 }, async () => {
  const worker = new Worker(fileURLToPath(IDLE), { workerData: { dataDir } })
  worker.on('error', () => {})
  await expect.poll(() => existsSync(join(dataDir, 'groups')), { timeout: 30_000, interval: 5 }).toBe(true)
  await sleep(STOPS / 5)
  await worker.terminate()
  const db = await open({ dataDir })
  expect(await db.get('from')).toBeNull()
  await db.close()
})
