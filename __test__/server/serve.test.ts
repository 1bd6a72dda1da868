// `serve` opens a member with its settings, says so in one-line logs, and closes it when told to or when it fails.
import { expect, test } from 'vitest'
import type { OpenOptions } from '../../src/client/api.js'
import { RafterError } from '../../src/errors.js'
import { FakeDatabase } from './fake-database.js'
import { shell } from './shell.js'

function openInto(opened: OpenOptions[], db: FakeDatabase, then: () => void) {
  return async (options: OpenOptions) => {
    opened.push(options)
    setImmediate(then)
    return db
  }
}

test('opens with the effective settings, and closes when it is stopped', async () => {
  const db = new FakeDatabase()
  const opened: OpenOptions[] = []
  const stop = new AbortController()
  const open = openInto(opened, db, () => stop.abort('SIGTERM'))
  const args = ['serve', '--name', 'b', '--members', 'a=h:1,b=h:2,c=h:3', '--data-dir', 'd', '--memory', '64MiB']
  const { code, out, err } = await shell(args, { open, stop: stop.signal })
  expect(code).toBe(0)
  expect(opened[0]).toMatchObject({
    name: 'b',
    dataDir: 'd',
    members: { a: 'h:1', b: 'h:2', c: 'h:3' },
    listen: 'h:2',
    memory: 64 * 2 ** 20,
  })
  expect(db.closed).toBe(1)
  expect(out).toMatch(/^name +b +--name$/m)
  const logged = err.trimEnd().split('\n')
  expect(logged.every((line) => /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {2}\w+ member=b/.test(line))).toBe(true)
  expect(logged.map((line) => line.split(/ +/)[2])).toEqual(['starting', 'ready', 'closing', 'closed'])
})

test('a member that still joins when it is stopped is told so', async () => {
  const stop = new AbortController()
  const open = async (options: OpenOptions) => {
    setImmediate(() => stop.abort('SIGTERM'))
    await new Promise((resolve) => options.signal?.addEventListener('abort', resolve))
    throw new RafterError('ABORTED', 'open: aborted by its signal')
  }
  const args = ['serve', '--name', 'd', '--listen', 'h:4', '--join', 'h:1']
  expect((await shell(args, { open, stop: stop.signal })).code).toBe(130)
})

test('what the member has to say becomes a line of the log', async () => {
  const opened: OpenOptions[] = []
  const stop = new AbortController()
  const open = openInto(opened, new FakeDatabase(), () => {
    opened[0]?.onLog?.('cut 17 bytes of a torn record', 'info')
    stop.abort('SIGTERM')
  })
  const { err } = await shell(['serve', '--name', 'a', '--members', 'a=h:1'], { open, stop: stop.signal })
  expect(err).toMatch(/ INFO {2}cut 17 bytes of a torn record member=a\n/)
})

test('a warning of the member is a line of that level', async () => {
  const opened: OpenOptions[] = []
  const stop = new AbortController()
  const open = openInto(opened, new FakeDatabase(), () => {
    opened[0]?.onLog?.('strangers are believed', 'warn')
    stop.abort('SIGTERM')
  })
  const { err } = await shell(['serve', '--name', 'a', '--members', 'a=h:1'], { open, stop: stop.signal })
  expect(err).toMatch(/ WARN {2}strangers are believed member=a\n/)
})

test('logs are JSON where that is asked for', async () => {
  const stop = new AbortController()
  const open = openInto([], new FakeDatabase(), () => stop.abort('SIGINT'))
  const { err } = await shell(['serve', '--json'], { open, stop: stop.signal })
  expect(
    err
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).message),
  ).toEqual(['starting', 'ready', 'closing', 'closed'])
})

test('with --log-format json all that is printed is JSON, and --log-level leaves out what is less', async () => {
  const opened: OpenOptions[] = []
  const stop = new AbortController()
  const open = openInto(opened, new FakeDatabase(), () => {
    opened[0]?.onLog?.('b leads in term 1', 'info')
    opened[0]?.onLog?.('lost b\n\u001b[2J', 'warn')
    stop.abort('SIGINT')
  })
  const { out, err } = await shell(['serve', '--log-format', 'json', '--log-level', 'warn'], { open, stop: stop.signal })
  expect(JSON.parse(out)).toMatchObject({ configuration: { dataDir: { origin: 'default' } } })
  expect(JSON.parse(err)).toMatchObject({ level: 'warn', message: 'lost b\n\u001b[2J' })
})

test('a member that has to stop ends the process with its reason', async () => {
  const opened: OpenOptions[] = []
  const db = new FakeDatabase()
  const open = openInto(opened, db, () => opened[0]?.onFatal?.(new RafterError('POISONED', 'fsync of log 7 failed')))
  const { code, err } = await shell(['serve'], { open })
  expect(code).toBe(1)
  expect(db.closed).toBe(1)
  expect(err.trimEnd().split('\n').at(-1)).toBe('rafterdb: the member had to stop: fsync of log 7 failed (POISONED)')
})

test('a member that cannot open is one line', async () => {
  const open = async () => {
    throw new RafterError('DATA_DIR_LOCKED', 'another process has ./data open')
  }
  const { code, err } = await shell(['serve'], { open })
  expect(code).toBe(1)
  expect(err.trimEnd().split('\n').at(-1)).toBe(
    'rafterdb: another process has ./data open; stop the other process, or choose another --data-dir (DATA_DIR_LOCKED)',
  )
})
