// `dev` starts its members as processes, says who leads, reports the one that dies, and stops them all.
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { FakeDatabase, memberStatus } from './fake-database.js'
import { shell } from './shell.js'

const script = fileURLToPath(new URL('fixtures/member.mjs', import.meta.url))

/** A cluster whose second member leads as soon as anybody asks; `onStatus` sees each question. */
function cluster(basePort: number, onStatus: () => void = () => {}): FakeDatabase {
  const db = new FakeDatabase()
  db.status = async () => {
    onStatus()
    const roles = ['follower', 'leader', 'follower'] as const
    return roles.map((role, index) => memberStatus(`n${index + 1}`, role, `127.0.0.1:${basePort + index}`))
  }
  return db
}

const temporary = () => mkdtempSync(join(tmpdir(), 'rafterdb-dev-'))

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !condition(); tries++) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(condition()).toBe(true)
}

test('starts three members, says who leads and what to type, and stops them', async () => {
  const [port = 0] = await freePorts(3)
  const dir = temporary()
  const stop = new AbortController()
  const db = cluster(port)
  const running = shell(['dev', '--base-port', String(port), '--data-dir', dir], {
    db,
    script,
    stop: stop.signal,
    env: { PATH: '' },
  })
  await until(() => db.closed > 0 && ['n1', 'n2', 'n3'].every((name) => existsSync(join(dir, name, 'arguments.json'))))
  await new Promise((resolve) => setTimeout(resolve, 300))
  stop.abort('SIGINT')
  const { code, out, err } = await running
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/n2 leads\. Now type in another terminal:\n\n {2}npx rafterdb put greeting hello --endpoints 127\.0\.0\.1:/)
  expect(out).toMatch(/stopped\n$/)
  const args = JSON.parse(readFileSync(join(dir, 'n2', 'arguments.json'), 'utf8'))
  const members = `n1=127.0.0.1:${port},n2=127.0.0.1:${port + 1},n3=127.0.0.1:${port + 2}`
  expect(args).toEqual([
    'serve',
    '--name',
    'n2',
    '--data-dir',
    join(dir, 'n2'),
    '--members',
    members,
    '--listen',
    `127.0.0.1:${port + 1}`,
  ])
  for (const name of ['n1', 'n2', 'n3']) {
    expect(existsSync(join(dir, name, 'closed'))).toBe(true)
    expect(readFileSync(join(dir, `${name}.log`), 'utf8')).toBe(`member ${name} ready\n`)
  }
})

test('a port in use is one line, and nothing is started', async () => {
  const [port = 0] = await freePorts(3)
  const server = createServer().listen(port + 1, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const dir = temporary()
  const { code, err } = await shell(['dev', '--base-port', String(port), '--data-dir', dir], { script })
  server.close()
  expect(code).toBe(1)
  expect(err).toBe(
    `rafterdb: 127.0.0.1:${port + 1} is in use; stop what listens there, or pass another --base-port (PORT_IN_USE)\n`,
  )
  expect(existsSync(join(dir, 'n1'))).toBe(false)
})

test('a member that does not start ends the rest, with the end of its log', async () => {
  const [port = 0] = await freePorts(3)
  const db = new FakeDatabase()
  const env = { DEV_TEST_DIE: 'n3' }
  const { code, err } = await shell(['dev', '--base-port', String(port), '--data-dir', temporary()], { db, script, env })
  expect(code).toBe(1)
  expect(err).toMatch(/^rafterdb: n3 did not start: exit code 4; its log .*n3\.log ends: the log is damaged\n$/)
})

test('a member that dies later is reported, and the others go on', async () => {
  const [port = 0] = await freePorts(3)
  const stop = new AbortController()
  const db = cluster(port)
  const dir = temporary()
  const running = shell(['dev', '--json', '--base-port', String(port), '--data-dir', dir], {
    db,
    script,
    stop: stop.signal,
    onOut: (line) => {
      const { event, members } = JSON.parse(line)
      if (event === 'ready') process.kill(members[0].pid, 'SIGKILL')
      if (event === 'died') stop.abort('SIGINT')
    },
  })
  const { code, out } = await running
  expect(code).toBe(0)
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(events.map(({ event }) => event)).toEqual(['ready', 'died', 'stopped'])
  expect(events[1]).toMatchObject({ name: 'n1', how: 'SIGKILL' })
  expect(existsSync(join(dir, 'n2', 'closed'))).toBe(true)
})
