// Goal: when the Raft worker's thread cannot be started, open says so and the directory is free at once.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { open } from '../../src/index.js'

const { limit } = vi.hoisted(() => ({ limit: { reached: false } }))
vi.mock('node:worker_threads', async (original) => {
  const threads = await original<typeof import('node:worker_threads')>()
  class Worker extends threads.Worker {
    constructor(...args: ConstructorParameters<typeof threads.Worker>) {
      // As Node does when pthread_create fails.
      if (limit.reached)
        throw Object.assign(new Error('Worker initialization failure: EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' })
      super(new URL('../../dist/cluster/raft-worker.js', import.meta.url), args[1])
    }
  }
  return { ...threads, Worker }
})

const dataDir = mkdtempSync(join(tmpdir(), 'rafterdb-no-thread-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

test('a limit of threads that is reached at the Raft worker', async () => {
  limit.reached = true
  const failed = open({ dataDir })
  await expect(failed).rejects.toThrow(/the Raft worker could not be started: .*EAGAIN/)
  await expect(failed).rejects.toMatchObject({ code: 'WORKER_FAILED' })
  limit.reached = false
  const db = await open({ dataDir })
  await db.put('a', '1')
  await db.close()
})
