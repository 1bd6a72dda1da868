// Goal: a member does not die of its log, whether nobody reads it any more or its disk is full.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, rmSync } from 'node:fs'
import { connect as dial } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { Log } from '../../src/server/log.js'
import { Output } from '../../src/server/output.js'
import { SteadyFile } from '../../src/server/steady-file.js'
import { freePorts } from '../ports.js'

const CLI = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-closed-log-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** Has the member write a line of its log: what is sent is no frame. */
async function provoke(port: number): Promise<void> {
  const socket = dial(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.resume()
  socket.end('GET / HTTP/1.1\r\n\r\n')
  await once(socket, 'close')
}

/** Writes and reads through the member, makes it log, and ends it in order. */
async function outlives(child: ChildProcess, port: number): Promise<void> {
  const gone = once(child, 'exit')
  await using db = await connect({ endpoints: [`127.0.0.1:${port}`], requestTimeout: 20_000 })
  await db.put('k', 'v')
  await provoke(port)
  await new Promise((resolve) => setTimeout(resolve, 300))
  await db.put('k', 'w')
  expect(await db.get('k')).toBe('w')
  expect(child.exitCode).toBe(null)
  await db.close()
  child.kill()
  expect(await gone).toEqual([0, null])
}

test('serve whose stderr and stdout pipes are closed goes on', { timeout: 60_000 }, async () => {
  const [port = 0] = await freePorts(1)
  const args = ['serve', '--data-dir', join(dir, 'pipe'), '--listen', `127.0.0.1:${port}`]
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stderr?.destroy()
  child.stdout?.destroy()
  await outlives(child, port)
})

test.runIf(process.platform === 'linux')('serve whose log is on a full disk goes on', { timeout: 60_000 }, async () => {
  const [port = 0] = await freePorts(1)
  const full = openSync('/dev/full', 'w')
  const args = ['serve', '--data-dir', join(dir, 'full'), '--listen', `127.0.0.1:${port}`]
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', full, full] })
  await outlives(child, port)
})

test.runIf(process.platform === 'linux')('dev whose log is on a full disk goes on', { timeout: 60_000 }, async () => {
  const [port = 0] = await freePorts(1)
  const full = openSync('/dev/full', 'w')
  const args = ['dev', '--members', '1', '--base-port', String(port), '--data-dir', join(dir, 'dev')]
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', full, full] })
  await outlives(child, port)
})

test.runIf(process.platform === 'linux')('a command whose output cannot be written fails and says so', async () => {
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, [CLI, 'help'], { stdio: ['ignore', full, 'pipe'] })
  let err = ''
  child.stderr?.on('data', (chunk) => (err += chunk))
  expect(await once(child, 'close')).toEqual([1, null])
  expect(err).toMatch(/^rafterdb: cannot write the output: ENOSPC[^\n]*\n$/)
})

test('what could not be written is told once it works again', async () => {
  const written: string[] = []
  let fails = true
  const stream = new SteadyFile(-1)
  stream.on('error', () => {})
  stream.write = ((chunk: string, done: (error: Error | null) => void) => {
    if (!fails) written.push(chunk)
    process.nextTick(done, fails ? new Error('ENOSPC') : null)
    return true
  }) as typeof stream.write
  const log = new Log(new Output(stream), 'text')
  log.info('one')
  log.info('two')
  await new Promise((resolve) => setImmediate(resolve))
  fails = false
  log.info('three')
  await new Promise((resolve) => setImmediate(resolve))
  expect(written.map((line) => line.replace(/^\S+ /, ''))).toEqual([
    'INFO  three\n',
    'WARN  lines of this log could not be written and are lost lines=2\n',
  ])
})
