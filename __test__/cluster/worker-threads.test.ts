// Worker threads of an app open and use stores of their own, beside that of the main thread.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Child } from './child.js'

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-workers-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test('stores in worker threads', async () => {
  const app = new Child()
  await app.ask('open', { dataDir: join(dir, 'main') })
  await app.call('put', 'from', 'the main thread')
  const workers = [1, 2, 3].map((n) => app.ask('worker', { dataDir: join(dir, `worker-${n}`) }))
  expect(await Promise.all(workers)).toEqual(['a worker', 'a worker', 'a worker'])
  expect(await app.get('from')).toBe('the main thread')
  await app.ask('close')
  app.release()
  expect(await app.gone).toBe(0)
})
