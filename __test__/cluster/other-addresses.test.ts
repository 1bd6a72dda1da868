// Goal: a data directory belongs to its members, wherever they are. A store begins to listen, listens elsewhere and listens no
// more; a cluster moves to other addresses, at once or member by member; `serve` opens what an app made.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { Child } from './child.js'
import { CLI, eventually } from './harness.js'

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-addresses-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const addresses = async (count: number) => (await freePorts(count)).map((port) => `127.0.0.1:${port}`)

/** Members a, b, c at new addresses. */
async function threeMembers(): Promise<Record<string, string>> {
  const [a = '', b = '', c = ''] = await addresses(3)
  return { a, b, c }
}

test('a store of one member begins to listen, elsewhere, and no more', async () => {
  const dataDir = join(dir, 'solo')
  const [first, second] = await addresses(2)
  let before: string | null = null
  for (const [life, listen] of [undefined, first, second, undefined, first].entries()) {
    await using db = await open({ dataDir, ...(listen === undefined ? {} : { listen }) })
    expect(await db.get('key')).toBe(before)
    before = `in life ${life}`
    await db.put('key', before)
    if (listen === undefined) continue
    await using client = await connect({ endpoints: [listen] })
    expect(await client.get('key')).toBe(before)
  }
})

test('the advice of PORT_IN_USE can be followed', async () => {
  const dataDir = join(dir, 'in-use')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const taken = `127.0.0.1:${(server.address() as { port: number }).port}`
  const [free] = await addresses(1)
  await (await open({ dataDir })).close()
  await expect(open({ dataDir, listen: taken })).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  await expect(open({ dataDir: join(dir, 'in-use-new'), listen: taken })).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  for (const name of ['in-use', 'in-use-new']) await (await open({ dataDir: join(dir, name), listen: free as string })).close()
  await new Promise((resolve) => server.close(resolve))
})

interface Serving {
  said(): string
  stop(): Promise<number | null>
}

function serve(...args: string[]): Serving {
  const child = spawn(process.execPath, [CLI, 'serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  return {
    said: () => text,
    stop: () => {
      child.kill('SIGTERM')
      return gone
    },
  }
}

test('serve opens the directory of an app, and the app that of serve', async () => {
  const dataDir = join(dir, 'of-an-app')
  const [listen = '', other = ''] = await addresses(2)
  await using db = await open({ dataDir })
  await db.put('made', 'by an app')
  await db.close()
  for (const more of [[], ['--name', 'solo']]) {
    const serving = serve('--data-dir', dataDir, '--listen', listen, ...more)
    await eventually('the answer', async () => {
      await using client = await connect({ endpoints: [listen], requestTimeout: 1_000 })
      expect(await client.get('made')).toBe('by an app')
    })
    expect(await serving.stop()).toBe(0)
  }
  const refused = serve('--data-dir', dataDir, '--listen', other, '--name', 'another')
  await eventually('the refusal', async () => expect(refused.said()).toMatch(/DATA_DIR_MISMATCH/))
  expect(refused.said()).toMatch(/is of member "solo", not "another"; .*--name solo/)
  await refused.stop()
  await using again = await open({ dataDir, listen: other })
  expect(await again.get('made')).toBe('by an app')
})

const options = { requestTimeout: 60_000 }

/** Members of a cluster in processes of their own. */
class Moving implements AsyncDisposable {
  readonly running = new Map<string, Child>()

  constructor(readonly name: string) {}

  async start(names: readonly string[], members: Record<string, string>): Promise<void> {
    const starting = names.map(async (name) => {
      const child = new Child()
      this.running.set(name, child)
      await child.ask('open', { ...options, name, members, dataDir: join(dir, this.name, name) })
    })
    await Promise.all(starting)
  }

  async stop(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const child = this.running.get(name)
      if (child === undefined) continue
      await child.ask('close')
      child.release()
      await child.gone
      this.running.delete(name)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.running.values()) child.signal('SIGKILL')
  }
}

const NAMES = ['a', 'b', 'c'] as const

async function expectAt(members: Record<string, string>, ...keys: string[]): Promise<void> {
  await using client = await connect({ endpoints: Object.values(members), ...options })
  for (const key of keys) expect(await client.get(key)).toBe(key)
}

test('a whole cluster moves to other addresses', { timeout: 120_000 }, async () => {
  await using cluster = new Moving('whole')
  const [from, to] = [await threeMembers(), await threeMembers()]
  await cluster.start(NAMES, from)
  await cluster.running.get('a')?.call('put', 'before', 'before')
  await cluster.stop(NAMES)
  await cluster.start(NAMES, to)
  await cluster.running.get('b')?.call('put', 'after', 'after')
  await expectAt(to, 'before', 'after')
})

test('a cluster moves to other addresses, one member after the other', { timeout: 240_000 }, async () => {
  await using cluster = new Moving('rolling')
  const [from, to] = [await threeMembers(), await threeMembers()]
  await cluster.start(NAMES, from)
  const written: string[] = []
  // Each is told all the new addresses at once. It finds those that have moved, and is not found by the others: two of three are
  // always together, but while the second one moves.
  for (const [name, writer] of [
    ['a', 'a'],
    ['b', 'b'],
    ['c', 'a'],
  ] as const) {
    const key = `before ${name} moved`
    await cluster.running.get(writer)?.call('put', key, key)
    written.push(key)
    await cluster.stop([name])
    await cluster.start([name], to)
  }
  await cluster.running.get('c')?.call('put', 'after', 'after')
  await expectAt(to, ...written, 'after')
})
