// Goal: a member whose process has no file descriptors left refuses writes once what needs a file waits for one, serves reads, takes no
// connection, spends no time on trying, and goes on by itself when there are descriptors again. Nothing is poisoned, nothing lost.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'

const FIXTURE = fileURLToPath(new URL('./descriptors.mjs', import.meta.url))
const FILES = 150
const root = mkdtempSync(join(tmpdir(), 'rafterdb-descriptors-'))
let child: ChildProcess | null = null
afterAll(() => {
  child?.kill('SIGKILL')
  rmSync(root, { recursive: true, force: true })
})

let next = 0
function ask(order: string, options: object = {}): Promise<unknown> {
  const id = next++
  return new Promise((resolve, reject) => {
    const answered = (answer: { id: number; result?: unknown; error?: { code: string; message: string } }) => {
      if (answer.id !== id) return
      child?.off('message', answered)
      if (answer.error) reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }))
      else resolve(answer.result)
    }
    child?.on('message', answered)
    child?.send({ id, order, options })
  })
}

test.runIf(process.platform === 'linux')('no descriptors are left', { timeout: 120_000 }, async () => {
  // Node raises the soft limit to the hard one: both are lowered.
  child = spawn('sh', ['-c', `ulimit -n ${FILES} && exec "${process.execPath}" "${FIXTURE}"`], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [port] = await freePorts(1)
  const listen = `127.0.0.1:${port}`
  await ask('open', { dataDir: join(root, 'a'), name: 'a', listen, members: { a: listen }, memory: 32 << 20 })
  await ask('write', { count: 4 })
  expect(await ask('starve')).toBe('EMFILE')
  // What met the shortage first may wait, until its time is up; what comes later is refused at once.
  await expect(ask('write', { count: 2_000 })).rejects.toMatchObject({ code: expect.stringMatching(/DISK_FULL|TIMEOUT/) })
  const refused = ask('write', { count: 1 })
  await expect(refused).rejects.toMatchObject({ code: 'DISK_FULL' })
  await expect(refused).rejects.toThrow(/file descriptors/)
  expect(await ask('get', { key: 'k1', options: { consistency: 'serializable' } })).toBe(65_536)
  // Files that are of no use any more may have been closed meanwhile.
  expect(await ask('starve')).toBe('EMFILE')
  const stranger = connect({ endpoints: [listen], requestTimeout: 1_500 })
  stranger.catch(() => {})
  expect(await ask('spent')).toBeLessThan(500)
  await expect(stranger).rejects.toMatchObject({ code: 'UNREACHABLE' })
  await ask('feed')
  await expect.poll(() => ask('write', { count: 1 }).then(() => 'done', String), { timeout: 20_000 }).toBe('done')
  await ask('write', { count: 200 })
  const client = await connect({ endpoints: [listen] })
  // Every put before the one that was refused, whose number was used all the same.
  expect((await client.get('k4'))?.length).toBe(65_536)
  await client.close()
  expect(await ask('fatals')).toEqual([])
  await ask('close')
  child.disconnect()
})
