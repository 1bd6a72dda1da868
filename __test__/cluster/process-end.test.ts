// A process ends by itself: after `close()`, which joins every thread, and also with a store or a client left open, but not with a member
// that others reach. What was acknowledged before is there afterwards.
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, open } from 'rafterdb'
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
function run(how: string, where: string, endpoint = ''): Promise<Threads> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [SCRIPT, how, where, endpoint], { timeout: END_MS, killSignal: 'SIGKILL' }, (error, out, err) => {
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

/** Far above what a process takes that has come to the end of its main and has nothing more to do. */
const LINGER_MS = 1_500

test.each(['members', 'listen'])('a member with %s keeps its process, until it is closed or let go', async (kind) => {
  const [port] = await freePorts(1)
  const endpoint = `127.0.0.1:${port}`
  const dataDir = join(dir, `held-${kind}`)
  const app = spawn(process.execPath, [SCRIPT, `${kind}-unclosed`, dataDir, endpoint], { stdio: ['ignore', 'pipe', 'inherit'] })
  let ended = false
  const end = new Promise<void>((resolve) => app.once('exit', () => resolve())).then(() => {
    ended = true
  })
  try {
    await new Promise((resolve) => app.stdout.once('data', resolve))
    await new Promise((resolve) => setTimeout(resolve, LINGER_MS))
    expect(ended).toBe(false)
    await using client = await connect({ endpoints: [endpoint] })
    expect(await client.get('written')).toBe('before the end')
  } finally {
    app.kill('SIGKILL')
    await end
  }
  await run(`${kind}-closed`, dataDir, endpoint)
  await run(`${kind}-unref`, dataDir, endpoint)
})

test('await using closes: the data directory can be opened again at once', async () => {
  const dataDir = join(dir, 'using')
  for (let i = 0; i < 3; i++) {
    await using db = await open({ dataDir })
    expect(await db.get('count')).toBe(i === 0 ? null : String(i - 1))
    await db.put('count', String(i))
  }
})
