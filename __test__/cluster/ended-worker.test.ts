// Goal: a worker thread that ends with a store open (terminated, or by what it throws) leaves nothing of the store behind: its
// threads end, its files are closed, and another thread of the process opens the directory at once, with all that was written.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'

const IDLE = new URL('./fixtures/idle-worker.mjs', import.meta.url)
const root = mkdtempSync(join(tmpdir(), 'rafterdb-ended-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

function started(dataDir: string): Promise<Worker> {
  const worker = new Worker(fileURLToPath(IDLE), { workerData: { dataDir } })
  worker.on('error', () => {})
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve(worker))
    worker.once('exit', (code) => reject(new Error(`the worker ended: ${code}`)))
  })
}

const ENDS: [string, (worker: Worker) => Promise<unknown>][] = [
  ['is terminated', (worker) => worker.terminate()],
  [
    'throws',
    (worker) => {
      const gone = new Promise((resolve) => worker.once('exit', resolve))
      worker.postMessage('throw')
      return gone
    },
  ],
]

test.for(ENDS)('a worker %s with a store open', async ([name, end]) => {
  const dataDir = join(root, name)
  await end(await started(dataDir))
  const db = await open({ dataDir })
  expect(await db.get('from')).toBe('a worker')
  await db.close()
})

test('a worker is terminated while it opens a store', { timeout: 60_000 }, async () => {
  for (const delay of [20, 60, 120, 200]) {
    const dataDir = join(root, `opening-${delay}`)
    const worker = new Worker(fileURLToPath(IDLE), { workerData: { dataDir } })
    await sleep(delay)
    await worker.terminate()
    await (await open({ dataDir })).close()
  }
})

test.runIf(process.platform === 'linux')('threads and files of a store go with its worker', { timeout: 90_000 }, async () => {
  const held = () => ({ threads: readdirSync('/proc/self/task').length, files: readdirSync('/proc/self/fd').length })
  await (await started(join(root, 'warm'))).terminate()
  const before = held()
  for (let n = 0; n < 5; n++) await (await started(join(root, `many-${n}`))).terminate()
  await expect.poll(held, { timeout: 10_000 }).toEqual(before)
})
