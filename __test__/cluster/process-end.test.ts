// A process ends by itself: after `close()`, which joins every thread, and also with a store or a client left open.
// What was acknowledged before is there afterwards.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'

const SCRIPT = fileURLToPath(new URL('./fixtures/life.mjs', import.meta.url))
/** A process that has not ended by then does not end by itself. */
const END_MS = 20_000
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-end-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

interface Threads {
  before: string[]
  after: string[]
}

/** Runs the app to its end; rejects if it fails or does not end. */
function run(how: string, where: string): Promise<Threads> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [SCRIPT, how, where], { timeout: END_MS, killSignal: 'SIGKILL' }, (error, out, err) => {
      if (error) reject(new Error(`${error.message}\n${err}`))
      else resolve(JSON.parse(out) as Threads)
    })
  })
}

async function expectWritten(dataDir: string): Promise<void> {
  await using db = await open({ dataDir })
  expect(await db.get('written')).toBe('before the end')
}

test('a closed store leaves no thread, and its process ends', async () => {
  const dataDir = join(dir, 'closed')
  const { before, after } = await run('closed', dataDir)
  if (existsSync('/proc/self/task')) expect(before.length).toBeGreaterThan(3)
  expect(after).toEqual([])
  await expectWritten(dataDir)
})

test('a process with an unclosed store ends', async () => {
  const dataDir = join(dir, 'unclosed')
  const { before, after } = await run('unclosed', dataDir)
  expect(after.length).toBe(before.length)
  await expectWritten(dataDir)
})

test.each(['client-closed', 'client-unclosed'])('a process with a client ends: %s', async (how) => {
  const [port] = await freePorts(1)
  const endpoint = `127.0.0.1:${port}`
  await using db = await open({ dataDir: join(dir, how), listen: endpoint })
  await run(how, endpoint)
  expect(await db.get('written')).toBe('before the end')
})

test('await using closes: the data directory can be opened again at once', async () => {
  const dataDir = join(dir, 'using')
  for (let i = 0; i < 3; i++) {
    await using db = await open({ dataDir })
    expect(await db.get('count')).toBe(i === 0 ? null : String(i - 1))
    await db.put('count', String(i))
  }
})
