// Goal: whoever waits in vain for a leader is told why there is none: which members are not reached, and what they said.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, type Database, open, type RafterError } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { eventually } from './harness.js'

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-no-leader-'))
const CLI = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function membersOf(names: string[]): Promise<Record<string, string>> {
  const ports = await freePorts(names.length)
  return Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`]))
}

const failing = (db: Database) =>
  db.put('k', 'v', { timeout: 1_000 }).then(
    () => expect.unreachable(),
    (error: RafterError) => error,
  )

test('one of three: the error names who refuses connections, here and from elsewhere', async () => {
  const members = await membersOf(['a', 'b', 'c'])
  await using db = await open({ name: 'a', members, dataDir: join(dir, 'one'), log: 'off' })
  await using remote = await connect({ endpoints: [members['a'] as string] })
  for (const client of [db, remote]) {
    const error = await failing(client)
    expect(error.code).toBe('TIMEOUT')
    expect(error.message).toMatch(/no leader: b at 127\.0\.0\.1:\d+ .*refused.* \(UNREACHABLE\), c at .* \(UNREACHABLE\)/)
    expect(error.message).toMatch(/; nothing was done$/)
    expect(error.outcome).toBe('not-done')
    expect(error.details?.members).toEqual(
      ['b', 'c'].map((name) => ({
        name,
        endpoint: members[name],
        connected: false,
        code: 'UNREACHABLE',
        message: expect.stringContaining('refused'),
      })),
    )
    await expect(client.get('k', { timeout: 500 })).rejects.toMatchObject({ message: expect.stringContaining('no leader: b at') })
  }
  const [status] = (await db.status()).filter(({ name }) => name === 'a')
  expect(status?.peers.map(({ name, code }) => [name, code])).toEqual([
    ['b', 'UNREACHABLE'],
    ['c', 'UNREACHABLE'],
  ])
})

test('unequal lists of members: the error says CLUSTER_MISMATCH', async () => {
  const members = await membersOf(['a', 'b', 'c'])
  const { c, ...two } = members
  const others = { ...two, d: c as string }
  await using a = await open({ name: 'a', members, dataDir: join(dir, 'unequal-a'), log: 'off' })
  await using b = await open({ name: 'b', members: others, dataDir: join(dir, 'unequal-b'), log: 'off' })
  await eventually('the mismatch', async () => {
    const error = await failing(a)
    expect(error.message).toMatch(/b at [\d.:]+ .*other members than this one.*CLUSTER_MISMATCH/)
    expect(error.details?.members[0]).toMatchObject({ name: 'b', code: 'CLUSTER_MISMATCH' })
  })
  expect((await failing(b)).message).toMatch(/a at .*CLUSTER_MISMATCH/)
})

test('warnings go to stderr unless told otherwise, and status fails without a leader', { timeout: 60_000 }, async () => {
  const members = await membersOf(['a', 'b', 'c'])
  const program = (log: string) => `
    import { open } from 'rafterdb'
    const db = await open({ name: 'a', members: ${JSON.stringify(members)}, dataDir: ${JSON.stringify(join(dir, 'told'))}${log} })
    process.once('message', async () => { await db.close(); process.exit() })
    process.send('open')`
  for (const [log, expected] of [
    [
      '',
      [
        expect.stringMatching(/^rafterdb a: warn: b: UNREACHABLE: /),
        expect.stringMatching(/^rafterdb a: warn: c: UNREACHABLE: /),
      ],
    ],
    [", log: 'off'", []],
  ] as const) {
    const file = fileURLToPath(new URL('../../dist/no-leader-child.mjs', import.meta.url))
    const { writeFileSync } = await import('node:fs')
    writeFileSync(file, program(log))
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let err = ''
    child.stderr?.on('data', (chunk) => (err += chunk))
    await once(child, 'message')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    if (log === '') {
      const started = performance.now()
      const status = spawn(process.execPath, [CLI, 'status', '--endpoints', members['a'] as string])
      let out = ''
      let said = ''
      status.stdout.on('data', (chunk) => (out += chunk))
      status.stderr.on('data', (chunk) => (said += chunk))
      const [code] = await once(status, 'close')
      expect({ code, said }).toEqual({
        code: 1,
        said: expect.stringMatching(/^rafterdb: no leader: a does not reach b .*UNREACHABLE.*\n$/),
      })
      expect(out).toMatch(/^a .*follower/m)
      expect(performance.now() - started).toBeLessThan(8_000)
    }
    child.send('close')
    await once(child, 'close')
    rmSync(file)
    expect(
      err
        .split('\n')
        .filter((line) => line !== '')
        .sort(),
    ).toEqual(expected)
  }
})

test('who leads is told, and a line at its level', async () => {
  const members = await membersOf(['a', 'b', 'c'])
  const lines: [string, string][] = []
  const onLog = (line: string, level: string) => void lines.push([level, line])
  const dbs = await Promise.all(
    Object.keys(members).map((name) =>
      open({ name, members, dataDir: join(dir, `told-${name}`), requestTimeout: 20_000, onLog }),
    ),
  )
  await dbs[0]?.put('k', 'v')
  await Promise.all(dbs.map((db) => db.close()))
  expect(
    lines.filter(([level, line]) => level === 'info' && /^[abc] leads in term \d+$/.test(line)).length,
  ).toBeGreaterThanOrEqual(2)
  expect(lines.some(([level, line]) => level === 'warn' && line.startsWith('lost '))).toBe(true)
})

test('a second process under a name is told so, and disturbs nobody', async () => {
  const members = await membersOf(['a', 'b', 'c'])
  const [elsewhere] = await freePorts(1)
  const lines: string[] = []
  const onLog = (line: string) => void lines.push(line)
  const start = (name: string, at: string, more: object) =>
    open({ name, members, dataDir: join(dir, `twice-${at}`), requestTimeout: 20_000, ...more })
  await using a = await start('a', 'a', { onLog })
  await using _b = await start('b', 'b', { log: 'off' })
  await using _c = await start('c', 'c', { log: 'off' })
  await a.put('k', 'v')
  await eventually('all to be connected', async () =>
    expect(lines.filter((line) => line.startsWith('connected to')).length).toBe(2),
  )
  await using second = await start('b', 'second', { log: 'off', requestTimeout: 2_000, listen: `127.0.0.1:${elsewhere}` })
  await eventually('the reason', async () => {
    const error = await failing(second)
    expect(error.message).toMatch(/a at [\d.:]+ .*two processes run under one name.*\(NAME_IN_USE\)/)
    expect(error.details?.members.map(({ code }) => code)).toEqual(['NAME_IN_USE', 'NAME_IN_USE'])
  })
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  expect(lines.filter((line) => line.startsWith('lost'))).toEqual([])
  expect(lines.filter((line) => line.includes('NAME_IN_USE'))).toHaveLength(1)
  await a.put('k', 'w')
})
