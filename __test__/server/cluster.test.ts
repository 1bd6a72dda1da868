// The command line against a real cluster: what a newcomer types after `npm start` works, an import lives through the leader's
// death, and the next start finds the data again. Runs what is built in dist and build.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import type { MemberStatus } from '../../src/client/api.js'

const script = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url))
const sample = fileURLToPath(new URL('../../examples/data/debian-sample.ndjson', import.meta.url))
/** Far from the ports that a developer's own cluster uses. */
const BASE_PORT = 7411
const endpoints = [0, 1, 2].map((index) => `127.0.0.1:${BASE_PORT + index}`).join(',')
const directory = mkdtempSync(join(tmpdir(), 'rafterdb-cluster-'))

interface Member {
  name: string
  pid: number
}

interface Cluster {
  process: ChildProcess
  leader: string
  members: Member[]
  /** Resolves with the exit code of `dev`. */
  stop(): Promise<number | null>
}

let running: Cluster | undefined
afterAll(async () => {
  await running?.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function startCluster(): Promise<Cluster> {
  const args = ['dev', '--json', '--base-port', String(BASE_PORT), '--data-dir', join(directory, 'data')]
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const ready = await new Promise<{ leader: string; members: Member[] }>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString())))
    void exit.then((code) => reject(new Error(`dev ended with ${code}`)))
  })
  const stop = () => {
    child.kill('SIGINT')
    return exit
  }
  running = { process: child, ...ready, stop }
  return running
}

interface Result {
  code: number
  out: string
  err: string
}

function rafterdb(args: string[], input?: string): Promise<Result> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, RAFTERDB_ENDPOINTS: endpoints }, maxBuffer: 64 * 2 ** 20 }
    const child = execFile(process.execPath, [script, ...args], options, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    )
    child.stdin?.end(input)
  })
}

const done = (out: unknown) => ({ code: 0, out, err: '' })
const status = async (): Promise<MemberStatus[]> => JSON.parse((await rafterdb(['status', '--json'])).out)
const sorted = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.stringify(JSON.parse(line)))
    .sort()

test('what a newcomer types works, through any member', { timeout: 60_000 }, async () => {
  await startCluster()
  expect(await rafterdb(['put', 'greeting', 'hello'])).toEqual(done(expect.stringMatching(/^OK \(revision \d+\)\n$/)))
  for (const endpoint of endpoints.split(',')) {
    expect(await rafterdb(['get', 'greeting', '--endpoints', endpoint])).toEqual(done('hello\n'))
  }
  const txn = 'if\nversion(lock) = 0\nthen\nput lock me\nget greeting\n'
  expect(await rafterdb(['txn'], txn)).toEqual(
    done(expect.stringMatching(/^SUCCEEDED .*\nput OK\nget 1\n {2}greeting\thello\n$/)),
  )
  expect((await rafterdb(['txn'], txn)).out).toMatch(/^FAILED/)
  expect(await rafterdb(['del', 'lock'])).toEqual(done(expect.stringMatching(/^1 deleted/)))
  expect(await rafterdb(['get', 'lock'])).toEqual({ code: 1, out: '', err: 'rafterdb: no such key: lock\n' })
  const members = await status()
  // A loaded machine may have held another election since.
  expect(members.map(({ name }) => name)).toEqual(['n1', 'n2', 'n3'])
  expect(members.filter(({ role }) => role === 'leader')).toHaveLength(1)
})

test('a watch prints changes from any kept revision, until Ctrl-C', { timeout: 30_000 }, async () => {
  const { out } = await rafterdb(['put', 'watched/a', '1', '--json'])
  const from = String(JSON.parse(out).revision)
  const child = spawn(process.execPath, [
    script,
    'watch',
    '--prefix',
    'watched/',
    '--from-revision',
    from,
    '--endpoints',
    endpoints,
  ])
  let text = ''
  child.stdout.on('data', (chunk) => (text += chunk))
  await rafterdb(['put', 'other', 'x'])
  await rafterdb(['put', 'watched/b', '2'])
  await rafterdb(['del', 'watched/a'])
  await expect.poll(() => text.trimEnd().split('\n').length, { timeout: 10_000 }).toBe(3)
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGINT')
  expect(await exit).toBe(0)
  expect(text.replace(/^\d+ /gm, '')).toBe('PUT    watched/a 1\nPUT    watched/b 2\nDELETE watched/a\n')
})

test('export equals import', { timeout: 60_000 }, async () => {
  const text = readFileSync(sample, 'utf8')
  const imported = await rafterdb(['import', sample, '--json'])
  expect(JSON.parse(imported.out)).toMatchObject({ imported: 200 })
  expect((await rafterdb(['range', '--prefix', 'debian/bookworm/0', '--keys-only'])).out).toMatch(/^debian\/bookworm\/0ad\n/)
  expect(sorted((await rafterdb(['export', '--prefix', 'debian/'])).out)).toEqual(sorted(text))
  const file = join(directory, 'out.ndjson.gz')
  expect((await rafterdb(['export', '--prefix', 'debian/', '--out', file])).code).toBe(0)
  expect(sorted(gunzipSync(readFileSync(file)).toString())).toEqual(sorted(text))
})

test('an import goes on when the leader is killed, and every record is there', { timeout: 120_000 }, async () => {
  const count = 20_000
  const file = join(directory, 'many.ndjson')
  const lines = Array.from({ length: count }, (_, n) =>
    JSON.stringify({ key: `many/${String(n).padStart(6, '0')}`, value: `value ${n} `.repeat(20) }),
  )
  writeFileSync(file, `${lines.join('\n')}\n`)
  const importing = rafterdb(['import', file, '--json', '--in-flight', '16'])
  let isFinished = false
  void importing.then(() => (isFinished = true))
  await expect.poll(async () => (await rafterdb(['get', 'many/001000'])).code, { timeout: 20_000 }).toBe(0)
  const leader = (await status()).find(({ role }) => role === 'leader')?.name
  process.kill(running?.members.find(({ name }) => name === leader)?.pid ?? Number.NaN, 'SIGKILL')
  expect(isFinished, 'the import was over before the kill').toBe(false)
  const { code, out, err } = await importing
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(JSON.parse(out)).toMatchObject({ imported: count })
  expect((await rafterdb(['export', '--prefix', 'many/'])).out.trimEnd().split('\n')).toEqual(lines)
  const after = await status()
  expect(after.find(({ name }) => name === leader)?.role).toBe('unreachable')
  expect(after.filter(({ role }) => role === 'leader')).toHaveLength(1)
})

test('Ctrl-C stops all, and the next start finds the data again, equal on every member', { timeout: 120_000 }, async () => {
  expect(await running?.stop()).toBe(0)
  const cluster = await startCluster()
  expect(await rafterdb(['get', 'greeting'])).toEqual(done('hello\n'))
  expect((await rafterdb(['range', '--prefix', 'many/', '--keys-only'])).out.trimEnd().split('\n')).toHaveLength(20_000)
  await expect.poll(async () => new Set((await status()).map(({ applied }) => applied)).size, { timeout: 30_000 }).toBe(1)
  expect(new Set((await status()).map(({ stateHash }) => stateHash)).size).toBe(1)
  expect(await cluster.stop()).toBe(0)
  running = undefined
})
