// Goal: an option that a call does not have is refused with the one that is meant, in every call, and nothing throws raw TypeErrors.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare, connect, type Database, del, open, put, range } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-options-'))
let db: Database
beforeAll(async () => {
  db = await open({ dataDir: dir })
})
afterAll(async () => {
  await db.close()
  rmSync(dir, { recursive: true, force: true })
})

/** An argument of a type that the call does not take. */
const wrong = (value: unknown) => value as never

const calls: [string, (options: never) => unknown, string, string][] = [
  ['put', (options) => db.put('k', 'v', options), 'timout', 'timeout'],
  ['get', (options) => db.get('k', options), 'consistancy', 'consistency'],
  ['getPair', (options) => db.getPair('k', options), 'maxStalenes', 'maxStaleness'],
  ['getSync', (options) => db.getSync('k', options), 'consistancy', 'consistency'],
  ['delete', (options) => db.delete('k', options), 'signel', 'signal'],
  ['delete of a selection', (options) => db.delete(options), 'prefx', 'prefix'],
  ['range', async (options) => (await db.range(options)[Symbol.asyncIterator]().next()).done, 'limt', 'limit'],
  ['count', (options) => db.count({}, options), 'revison', 'revision'],
  ['count of a selection', (options) => db.count(options), 'fron', 'from'],
  ['watch', (options) => db.watch(options), 'fromRevison', 'fromRevision'],
  ['compact', (options) => db.compact(1, options), 'timeot', 'timeout'],
  ['raiseRevision', (options) => db.raiseRevision(1, options), 'timeot', 'timeout'],
  ['status', (options) => db.status(options), 'timeot', 'timeout'],
  ['members', (options) => db.members(options), 'timeot', 'timeout'],
  ['members.list', (options) => db.members.list(options), 'timeot', 'timeout'],
  ['members.add', (options) => db.members.add({ name: 'x', endpoint: 'h:1' }, options), 'timeot', 'timeout'],
  ['members.promote', (options) => db.members.promote('solo', options), 'signel', 'signal'],
  ['members.remove', (options) => db.members.remove('solo', options), 'forc', 'force'],
  ['members.update', (options) => db.members.update('solo', { endpoint: 'h:1' }, options), 'timeot', 'timeout'],
  ['members.replace', (options) => db.members.replace('solo', 'x', options), 'forse', 'force'],
  ['transferLeader', (options) => db.transferLeader('solo', options), 'timeot', 'timeout'],
  ['commit', (options) => db.txn().commit(options), 'timeot', 'timeout'],
  ['put of a txn', (options) => put('k', 'v', options), 'previus', 'previous'],
  ['del of a txn', (options) => del('k', options), 'previus', 'previous'],
  ['range of a txn', (options) => range(options), 'revers', 'reverse'],
  ['open', (options) => open(Object.assign({ dataDir: dir }, options)), 'electionTimout', 'electionTimeout'],
  ['connect', (options) => connect(options), 'endpoint', 'endpoints'],
]

test.each(calls)('%s', async (_name, call, option, meant) => {
  const calling = (async () => call(wrong({ [option]: undefined })))()
  await expect(calling).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(`unknown option ${option}; did you mean ${meant}?`),
  })
})

test('one that resembles none is refused with all there are', async () => {
  await expect(db.put('k', 'v', wrong({ ttl: 5 }))).rejects.toMatchObject({
    message: 'unknown option ttl; known: signal, timeout',
  })
  await expect(db.put('k', 'v', wrong(5))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(db.get('k', wrong(null))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('an option that is there and undefined is as one that is not', async () => {
  await db.put('k', 'v', { signal: undefined, timeout: undefined })
  expect(await db.get('k', { signal: undefined, consistency: undefined, revision: undefined })).toBe('v')
})

test('connect without arguments says what it takes', async () => {
  await expect(connect(wrong(undefined))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('connect takes an object'),
  })
})

test('methods work when they are taken from the database', async () => {
  const { get, put: write, getSync, range: pairs, watch } = db
  await write('taken', 'yes')
  expect([await get('taken'), getSync('taken')]).toEqual(['yes', 'yes'])
  for await (const { value } of pairs({ prefix: 'taken' })) expect(value).toBe('yes')
  await using changes = watch({ key: 'taken' })
  await changes.started()
})

test('binding them does not turn the database into a dictionary, which slows down every call', () => {
  const create = new URL('../../dist/client/database/create-database.js', import.meta.url).href
  const program = `const { createEmbedded } = await import('${create}')
    const db = await createEmbedded({ ports: () => ({ submit: () => 0, drain: () => 0, close() {} }) })
    console.log(%HasFastProperties(db))
    process.exit()`
  const args = ['--allow-natives-syntax', '--input-type=module', '-e', program]
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('true\n')
})

test('a number out of range is named', async () => {
  expect(() => db.range({ limit: -1 })).toThrow('limit must be a whole number from 1, not -1')
  await expect(db.get('k', { revision: -2 })).rejects.toThrow('revision must be a whole number from 1, not -2')
  await expect(
    db
      .txn()
      .then(range({ limit: 1.5 }))
      .commit(),
  ).rejects.toThrow('limit must be a whole number from 0, not 1.5')
  await expect(
    db
      .txn()
      .if(compare('k', 'version', '=', -1))
      .commit(),
  ).rejects.toThrow('from 0, not -1')
})
