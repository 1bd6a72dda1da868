// What `open` and `connect` refuse, each with its code and with a message that says what to do; and that what was refused
// can be opened when the reason is gone.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ErrorCode, type OpenOptions, open, RafterError } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { Child } from './child.js'

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-refusals-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function expectRefusal(attempt: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  const error = await attempt.then(
    () => new Error('it was not refused'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(RafterError)
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
}

async function threeMembers(): Promise<Record<string, string>> {
  const [a, b, c] = await freePorts(3)
  return { a: `127.0.0.1:${a}`, b: `127.0.0.1:${b}`, c: `127.0.0.1:${c}` }
}

test('a data directory that is open: in this process, in another', async () => {
  const dataDir = join(dir, 'locked')
  const db = await open({ dataDir })
  await expectRefusal(open({ dataDir }), 'DATA_DIR_LOCKED', /locked.*close it/)
  const other = new Child()
  await expectRefusal(other.ask('open', { dataDir }), 'DATA_DIR_LOCKED', /locked.*close it/)
  await db.put('still', 'served')
  await db.close()
  await other.ask('open', { dataDir })
  expect(await other.get('still')).toBe('served')
  await expectRefusal(open({ dataDir }), 'DATA_DIR_LOCKED', /locked.*close it/)
  other.signal('SIGKILL')
  await other.gone
  await (await open({ dataDir })).close()
})

test('a data directory of another cluster, another member, another number of groups', async () => {
  const dataDir = join(dir, 'mismatch')
  const members = await threeMembers()
  const options: OpenOptions = { dataDir, name: 'a', members }
  await (await open(options)).close()
  const [{ a = '', b = '' }, { c: d = '' }] = [members, await threeMembers()]
  await expectRefusal(
    open({ ...options, members: { a, b, d } }),
    'DATA_DIR_MISMATCH',
    /cluster of a, b, c; not of it: d; not given: c\. .*addresses may change/,
  )
  await expectRefusal(open({ ...options, name: 'b' }), 'DATA_DIR_MISMATCH', /member "a", not "b"/)
  await expectRefusal(open({ ...options, groups: 2 }), 'DATA_DIR_MISMATCH', /1 groups, not 2/)
  await expectRefusal(open({ dataDir }), 'DATA_DIR_MISMATCH', /member "a".*--name a/)
  await expectRefusal(open({ dataDir, name: 'a' }), 'DATA_DIR_MISMATCH', /cluster of a, b, c; not given: b, c/)
  await (await open(options)).close()
})

test('a port that is in use, and a member that can then be opened on another', async () => {
  const dataDir = join(dir, 'port')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const listen = `127.0.0.1:${(server.address() as { port: number }).port}`
  await expectRefusal(open({ dataDir, listen }), 'PORT_IN_USE', new RegExp(listen))
  await new Promise((resolve) => server.close(resolve))
  const db = await open({ dataDir, listen })
  await expectRefusal(open({ dataDir: join(dir, 'second'), listen }), 'PORT_IN_USE', new RegExp(listen))
  await db.close()
})

test('data of a newer version', async () => {
  const dataDir = join(dir, 'newer')
  await (await open({ dataDir })).close()
  const path = join(dataDir, 'member.json')
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, JSON.stringify({ format: 1_000, future: 'fields' }))
  await expectRefusal(open({ dataDir }), 'FORMAT_NEWER', /member\.json.*newer rafterdb/)
  writeFileSync(path, text)
  await (await open({ dataDir })).close()
})

test('members and addresses that cannot be', async () => {
  const dataDir = join(dir, 'never')
  const members = await threeMembers()
  await expectRefusal(open({ dataDir, name: 'd', members }), 'MEMBER_UNKNOWN', /d is not one of the members: a, b, c/)
  await expectRefusal(open({ dataDir, members }), 'INVALID_ARGUMENT', /name is missing/)
  await expectRefusal(
    open({ dataDir, name: 'a', members: { a: members['a']!, b: members['b']! } }),
    'INVALID_ARGUMENT',
    /1, 3, 5/,
  )
  await expectRefusal(
    open({ dataDir, name: 'a', members: { ...members, c: members['a']! } }),
    'INVALID_ARGUMENT',
    /same endpoint/,
  )
  for (const address of ['localhost', '127.0.0.1', ':7000', '127.0.0.1:70000', 'http://127.0.0.1:7000', '127.0.0.1:']) {
    await expectRefusal(open({ dataDir, listen: address }), 'ADDRESS_INVALID', /host:port/)
    await expectRefusal(open({ dataDir, name: 'a', members: { ...members, c: address } }), 'ADDRESS_INVALID', /host:port/)
    await expectRefusal(connect({ endpoints: [address], requestTimeout: 500 }), 'ADDRESS_INVALID', /host:port/)
  }
  // An address of documentation (RFC 5737): no machine has it.
  await expectRefusal(open({ dataDir, listen: '192.0.2.1:7000' }), 'ADDRESS_INVALID', /192\.0\.2\.1:7000/)
  const [free] = await freePorts(1)
  await expectRefusal(connect({ endpoints: [`127.0.0.1:${free}`], requestTimeout: 1_000 }), 'UNREACHABLE', /127\.0\.0\.1/)
})
