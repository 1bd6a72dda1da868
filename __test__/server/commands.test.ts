// The commands that read and write keys do what they say and print it.
import { expect, test } from 'vitest'
import { FakeDatabase, memberStatus } from './fake-database.js'
import { shell } from './shell.js'

async function filled(): Promise<FakeDatabase> {
  const db = new FakeDatabase()
  for (const [key, value] of [
    ['a', '1'],
    ['b/x', '2'],
    ['b/y', '3'],
    ['c', '4'],
  ] as const)
    await db.put(key, value)
  return db
}

test('put prints its revision and get the value', async () => {
  const db = new FakeDatabase()
  expect(await shell(['put', 'greeting', 'hello'], { db })).toMatchObject({ code: 0, out: 'OK (revision 1)\n', err: '' })
  expect(await shell(['put', 'greeting', 'again', '--json'], { db })).toMatchObject({ code: 0, out: '{"revision":2}\n' })
  expect(await shell(['get', 'greeting'], { db })).toMatchObject({ code: 0, out: 'again\n' })
  expect(JSON.parse((await shell(['get', 'greeting', '--json'], { db })).out)).toEqual({
    key: 'greeting',
    value: 'again',
    createRevision: 1,
    modRevision: 2,
    version: 2,
    lease: 0,
  })
  expect(db.closed).toBe(4)
})

test('put reads the value from standard input when there is none, byte for byte', async () => {
  const db = new FakeDatabase()
  const bytes = Uint8Array.from([0, 255, 10, 13])
  await shell(['put', 'k'], { db, stdin: bytes })
  expect(await db.get('k', { as: 'bytes' })).toEqual(Buffer.from(bytes))
})

test('a key that begins with a dash comes after --', async () => {
  const db = new FakeDatabase()
  expect((await shell(['put', '--', '-k', '-v'], { db })).code).toBe(0)
  expect(await db.get('-k')).toBe('-v')
})

test('get of a key that is not there says so and exits with 1', async () => {
  expect(await shell(['get', 'nothing'])).toMatchObject({ code: 1, out: '', err: 'rafterdb: no such key: nothing\n' })
  expect(await shell(['get', 'nothing', '--json'])).toMatchObject({ code: 0, out: 'null\n' })
})

test('compact goes to a revision, to the present one, or leaves some before it', async () => {
  const db = await filled()
  expect(await shell(['compact', '--keep', '2'], { db })).toMatchObject({
    code: 0,
    out: 'compacted to revision 2 (revision 4)\n',
    err: '',
  })
  expect(await shell(['compact', '--revision', '3', '--json'], { db })).toMatchObject({
    code: 0,
    out: '{"revision":4,"compactedRevision":3}\n',
  })
  expect((await shell(['compact'], { db })).out).toBe('compacted to revision 4 (revision 4)\n')
  const again = await shell(['compact'], { db })
  expect(again).toMatchObject({ code: 1, out: '' })
  expect(again.err).toMatch(/^rafterdb: .*\(COMPACTED\)\n$/)
  expect(await shell(['compact', '--keep', '4'], { db })).toMatchObject({
    code: 1,
    err: 'rafterdb: there is no history older than that\n',
  })
  for (const wrong of [['--keep', '-1'], ['--revision', '0'], ['--keep', '1', '--revision', '2'], ['--keep', '1h'], ['4']])
    expect((await shell(['compact', ...wrong], { db })).code, wrong.join(' ')).toBe(2)
  expect((await shell(['compact', '--help'])).out).toContain('--keep <count>')
})

test('del takes a key or a selection, and not nothing', async () => {
  const db = await filled()
  expect(await shell(['del', 'a'], { db })).toMatchObject({ code: 0, out: '1 deleted (revision 5)\n' })
  expect(await shell(['del', '--prefix', 'b/', '--json'], { db })).toMatchObject({ out: '{"revision":6,"deleted":2}\n' })
  expect([...db.rows.keys()]).toEqual(['c'])
  expect((await shell(['del'], { db })).code).toBe(2)
  expect((await shell(['del', 'c', '--prefix', 'c'], { db })).code).toBe(2)
  expect((await shell(['del', '--prefix', 'c', '--from', 'c'], { db })).code).toBe(2)
  expect(db.rows.size).toBe(1)
})

test('range lists keys by prefix, bounds, limit and direction', async () => {
  const db = await filled()
  expect((await shell(['range'], { db })).out).toBe('a\t1\nb/x\t2\nb/y\t3\nc\t4\n')
  expect((await shell(['range', '--prefix', 'b/', '--keys-only'], { db })).out).toBe('b/x\nb/y\n')
  expect((await shell(['range', '--from', 'b', '--to', 'c', '--reverse', '--limit', '1'], { db })).out).toBe('b/y\t3\n')
  const [first] = (await shell(['range', '--prefix', 'c', '--json'], { db })).out.split('\n')
  expect(JSON.parse(first ?? '')).toMatchObject({ key: 'c', value: '4', modRevision: 4 })
})

test('range aligns its columns on a terminal and keeps each value on one line', async () => {
  const db = await filled()
  await db.put('long', `line\n${'x'.repeat(200)}`)
  const { out } = await shell(['range'], { db, terminal: true, env: { NO_COLOR: '1' } })
  const lines = out.trimEnd().split('\n')
  expect(lines[0]).toBe('KEY   REVISION  VALUE')
  expect(lines[2]).toBe('b/x          2  2')
  expect(lines).toHaveLength(6)
  expect(lines.every((line) => line.length <= 80)).toBe(true)
})

test('colours are for terminals only, and NO_COLOR turns them off', async () => {
  const db = await filled()
  const sequence = '\u001b['
  expect((await shell(['range'], { db, terminal: true })).out).toContain(sequence)
  expect((await shell(['range'], { db, terminal: true, env: { NO_COLOR: '1' } })).out).not.toContain(sequence)
  expect((await shell(['range'], { db })).out).not.toContain(sequence)
})

test('status prints an aligned table, or an array with every field', async () => {
  const db = new FakeDatabase()
  db.statusRows = [memberStatus('n1', 'leader', '127.0.0.1:7101'), memberStatus('n2', 'unreachable', '127.0.0.1:7102')]
  const { out } = await shell(['status'], { db })
  expect(out).toBe(
    [
      'NAME  ENDPOINT        ROLE         TERM  LAST INDEX  COMMITTED  APPLIED  REVISION  STATE HASH  DISK',
      'n1    127.0.0.1:7101  leader          3         120        120      118       117  a1b2c3d4    12.3 kB',
      'n2    127.0.0.1:7102  unreachable',
      '',
    ].join('\n'),
  )
  const members = JSON.parse((await shell(['status', '--json'], { db })).out)
  for (const field of ['name', 'endpoint', 'role', 'term', 'lastIndex', 'committed', 'applied', 'revision', 'stateHash']) {
    expect(members[0]).toHaveProperty(field)
  }
})

test('watch prints changes until it is stopped, and then exits with 0', async () => {
  const db = await filled()
  const stop = new AbortController()
  const watching = shell(['watch', '--prefix', 'b/'], { db, stop: stop.signal })
  await new Promise((resolve) => setTimeout(resolve, 20))
  await db.put('b/z', 'new')
  await db.put('other', 'not seen')
  await db.delete('b/x')
  await new Promise((resolve) => setTimeout(resolve, 20))
  stop.abort()
  expect(await watching).toMatchObject({ code: 0, out: '5 PUT    b/z new\n7 DELETE b/x\n', err: '' })
  expect(db.closed).toBe(1)
})

test('an empty prefix is every key, said on purpose', async () => {
  const db = await filled()
  expect(await shell(['range', '--prefix', '', '--keys-only'], { db })).toMatchObject({ code: 0, out: 'a\nb/x\nb/y\nc\n' })
  expect(await shell(['del'], { db })).toMatchObject({ code: 2 })
  expect(db.selections).toEqual([])
  expect(await shell(['del', '--prefix', ''], { db })).toMatchObject({ code: 0, out: '4 deleted (revision 5)\n' })
  expect(db.selections).toEqual([{ prefix: '' }])
})
