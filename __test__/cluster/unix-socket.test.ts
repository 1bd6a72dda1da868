// A member is reached over a Unix socket as over TCP: by `connect`, by the command line, after a kill; and what cannot be listened on is
// refused with a code and the path.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connect, type ErrorCode, open, RafterError } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { Child } from './child.js'

// Not where TMPDIR says: that may be too deep for a socket.
const dir = process.platform === 'win32' ? '' : mkdtempSync('/tmp/rafterdb-unix-')
afterAll(() => dir !== '' && rmSync(dir, { recursive: true, force: true }))

const CLI = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url))
const run = promisify(execFile)

const onUnix = test.skipIf(process.platform === 'win32')

async function expectRefusal(attempt: Promise<unknown>, code: ErrorCode, ...says: string[]): Promise<void> {
  const error = await attempt.then(
    () => new Error('it was not refused'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(RafterError)
  expect(error).toMatchObject({ code })
  for (const text of says) expect((error as Error).message).toContain(text)
}

onUnix('a client puts, gets and watches, and nothing is left behind', async () => {
  const path = join(dir, 'a.sock')
  const db = await open({ dataDir: join(dir, 'a'), listen: `unix:${path}` })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  {
    await using client = await connect({ endpoints: [`unix:${path}`] })
    const events = client.watch({ key: 'k' })[Symbol.asyncIterator]()
    const first = events.next()
    await client.put('k', 'v')
    expect(await client.get('k')).toBe('v')
    expect((await first).value).toMatchObject({ type: 'put', key: 'k', value: 'v' })
    expect(await client.status()).toMatchObject([{ endpoint: `unix:${path}`, listen: [`unix:${path}`] }])
  }
  await db.close()
  expect(existsSync(path)).toBe(false)
})

onUnix('members reach each other over TCP, clients come over either', async () => {
  const ports = await freePorts(3)
  const names = ['a', 'b', 'c']
  const members = Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`]))
  const listen = (name: string) => [members[name]!, `unix:${join(dir, `${name}.socket`)}`]
  await using first = await open({ name: 'a', dataDir: join(dir, 'm-a'), members, listen: listen('a') })
  await using second = await open({ name: 'b', dataDir: join(dir, 'm-b'), members, listen: listen('b') })
  await second.put('k', 'v', { timeout: 20_000 })
  for (const endpoint of [...listen('a'), ...listen('b')]) {
    await using client = await connect({ endpoints: [endpoint] })
    expect(await client.get('k')).toBe('v')
  }
  expect(await first.status()).toMatchObject([
    { listen: listen('a') },
    { listen: listen('b') },
    { role: 'unreachable', listen: [] },
  ])
  const alone = open({ name: 'c', dataDir: join(dir, 'm-c'), members, listen: `unix:${join(dir, 'c.socket')}` })
  await expectRefusal(alone, 'INVALID_ARGUMENT', 'over TCP')
  const unreachable = { ...members, c: `unix:${join(dir, 'c.socket')}` }
  await expectRefusal(open({ name: 'a', dataDir: join(dir, 'never'), members: unreachable }), 'ADDRESS_INVALID', 'over TCP')
})

onUnix('what a killed process left is replaced, and a live one is not', async () => {
  const path = join(dir, 'killed.sock')
  const options = { dataDir: join(dir, 'killed'), listen: `unix:${path}` }
  const child = new Child()
  await child.ask('open', options)
  await expectRefusal(open({ ...options, dataDir: join(dir, 'other') }), 'PORT_IN_USE', `unix:${path}`)
  await child.call('put', 'k', 'v')
  child.signal('SIGKILL')
  await child.gone
  expect(existsSync(path)).toBe(true)
  await expectRefusal(connect({ endpoints: [`unix:${path}`], requestTimeout: 500 }), 'UNREACHABLE', `unix:${path}`)
  await using db = await open(options)
  await using client = await connect({ endpoints: [`unix:${path}`] })
  expect(await client.get('k')).toBe('v')
  await db.put('k', 'w')
})

onUnix('what cannot be is refused at once, with a code and the address', async () => {
  const dataDir = join(dir, 'never')
  const file = join(dir, 'file')
  writeFileSync(file, 'mine')
  const long = `unix:/tmp/${'x'.repeat(100)}`
  await expectRefusal(open({ dataDir, listen: `unix:${file}` }), 'ADDRESS_INVALID', `unix:${file}`, 'not a socket')
  await expectRefusal(open({ dataDir, listen: 'unix:/no/such/place' }), 'ADDRESS_INVALID', 'unix:/no/such/place')
  for (const address of [long, 'unix//tmp/a.sock', 'unix:a.sock', '/tmp/a.sock', 'unix:/a\0b']) {
    const says = address === long ? ['105 bytes', 'at most 103'] : address.includes('\0') ? ['zero bytes'] : ['unix:/path']
    await expectRefusal(open({ dataDir, listen: address }), 'ADDRESS_INVALID', ...says)
    await expectRefusal(connect({ endpoints: [address] }), 'ADDRESS_INVALID', ...says)
  }
  await expectRefusal(open({ dataDir, listen: [] }), 'INVALID_ARGUMENT', 'at least one')
  await expectRefusal(open({ dataDir, listen: ['127.0.0.1:0', '127.0.0.1:0'] }), 'INVALID_ARGUMENT', 'twice')
})

test.skipIf(process.platform === 'win32' || process.getuid?.() === 0)(
  'a file whose mode keeps this user away is told as it is',
  async () => {
    const path = join(dir, 'closed.sock')
    await using _db = await open({ dataDir: join(dir, 'closed'), listen: `unix:${path}` })
    chmodSync(path, 0)
    await expectRefusal(connect({ endpoints: [`unix:${path}`], requestTimeout: 500 }), 'UNREACHABLE', `unix:${path}`, 'denied')
  },
)

onUnix('the command line listens and connects', { timeout: 60_000 }, async () => {
  const address = `unix:${join(dir, 'cli.sock')}`
  const [port = 0] = await freePorts(1)
  const listen = `127.0.0.1:${port},${address}`
  const args = ['serve', '--data-dir', join(dir, 'cli'), '--listen', listen]
  const member = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  member.stderr.on('data', (text) => (log += text))
  while (!log.includes('ready')) await once(member.stderr, 'data')
  expect(log).toContain(`listen=${listen}`)
  const rafterdb = async (...command: string[]) => (await run(process.execPath, [CLI, ...command])).stdout
  await rafterdb('put', 'k', 'v', '--endpoints', address)
  expect(await rafterdb('get', 'k', '--endpoints', address)).toBe('v\n')
  expect(await rafterdb('status', '--endpoints', address)).toContain(`127.0.0.1:${port} ${address}`)
  const mistyped = run(process.execPath, [CLI, 'get', 'k', '--endpoints', 'unix//cli.sock'])
  await expect(mistyped).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('unix:/path') })
  member.kill()
  expect(await once(member, 'exit')).toEqual([0, null])
  expect(existsSync(join(dir, 'cli.sock'))).toBe(false)
})
