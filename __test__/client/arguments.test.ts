// Wrong arguments are told before anything is sent, with the right code and what to do.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/client/api.js'
import { createEmbedded, createRemote } from '../../src/client/database/create-database.js'
import { compare, del, get, put } from '../../src/client/transaction/parts.js'
import type { ErrorCode } from '../../src/codes.js'
import { FakeNetwork } from './fake-member.js'

const network = new FakeNetwork()
let db: Database
beforeAll(async () => {
  db = await createEmbedded({ ports: network.ports })
})
afterAll(() => db.close())

/** What a caller without types may pass. */
const wrong = <T>(value: unknown) => value as T

const cases: [string, ErrorCode, () => unknown][] = [
  ['empty key', 'KEY_EMPTY', () => db.put('', 'v')],
  ['empty key of get', 'KEY_EMPTY', () => db.get('')],
  ['empty key of getSync', 'KEY_EMPTY', () => db.getSync('')],
  ['empty key of delete', 'KEY_EMPTY', () => db.delete('')],
  ['key of 64 KiB and a byte', 'KEY_TOO_LARGE', () => db.put('k'.repeat(65_537), 'v')],
  ['key too large in UTF-8 only', 'KEY_TOO_LARGE', () => db.put('é'.repeat(32_769), 'v')],
  ['key too large for get', 'KEY_TOO_LARGE', () => db.get('k'.repeat(65_537))],
  ['key too large for getSync', 'KEY_TOO_LARGE', () => db.getSync('é'.repeat(200_000))],
  ['key far too large', 'KEY_TOO_LARGE', () => db.put('k'.repeat(5_000_000), 'v')],
  ['value too large', 'VALUE_TOO_LARGE', () => db.put('k', 'v'.repeat(1_572_865))],
  ['value far too large', 'VALUE_TOO_LARGE', () => db.put('k', new Uint8Array(50_000_000))],
  ['number key', 'INVALID_ARGUMENT', () => db.put(wrong(1), 'v')],
  ['undefined value', 'INVALID_ARGUMENT', () => db.put('k', wrong(undefined))],
  ['null value', 'INVALID_ARGUMENT', () => db.put('k', wrong(null))],
  ['object value', 'INVALID_ARGUMENT', () => db.put('k', wrong({ a: 1 }))],
  ['array buffer value', 'INVALID_ARGUMENT', () => db.put('k', wrong(new ArrayBuffer(4)))],
  ['timeout of 0', 'INVALID_ARGUMENT', () => db.put('k', 'v', { timeout: 0 })],
  ['timeout as text', 'INVALID_ARGUMENT', () => db.put('k', 'v', { timeout: wrong('1s') })],
  ['signal that is none', 'INVALID_ARGUMENT', () => db.put('k', 'v', { signal: wrong({}) })],
  ['unknown consistency', 'INVALID_ARGUMENT', () => db.get('k', { consistency: wrong('eventual') })],
  ['both freshness options', 'INVALID_ARGUMENT', () => db.get('k', { consistency: 'serializable', maxStaleness: 5 })],
  [
    'both freshness options of getSync',
    'INVALID_ARGUMENT',
    () => db.getSync('k', { consistency: 'serializable', maxStaleness: 5 }),
  ],
  ['staleness of getSync that is no number', 'INVALID_ARGUMENT', () => db.getSync('k', { maxStaleness: Number.NaN })],
  ['negative staleness', 'INVALID_ARGUMENT', () => db.get('k', { maxStaleness: -1 })],
  ['revision 0', 'INVALID_ARGUMENT', () => db.get('k', { revision: 0 })],
  ['unknown as', 'INVALID_ARGUMENT', () => db.getPair('k', { as: wrong<'bytes'>('json') })],
  ['from above to', 'RANGE_REVERSED', () => db.count({ from: 'b', to: 'a' })],
  ['empty to', 'KEY_EMPTY', () => db.count({ to: '' })],
  ['prefix with from', 'INVALID_ARGUMENT', () => db.count({ prefix: 'a', from: 'b' })],
  ['misspelt selection', 'INVALID_ARGUMENT', () => db.count(wrong({ perfix: 'a' }))],
  ['delete of nothing said', 'INVALID_ARGUMENT', () => db.delete({})],
  ['delete of null', 'INVALID_ARGUMENT', () => db.delete(wrong(null))],
  ['range from above to', 'RANGE_REVERSED', () => db.range({ from: 'b', to: 'a' })],
  ['range with limit 0', 'INVALID_ARGUMENT', () => db.range({ limit: 0 })],
  ['range with a misspelt option', 'INVALID_ARGUMENT', () => db.range(wrong<object>({ revers: true }))],
  ['watch of key and prefix', 'INVALID_ARGUMENT', () => db.watch({ key: 'k', prefix: 'p' })],
  ['watch from revision 1.5', 'INVALID_ARGUMENT', () => db.watch({ fromRevision: 1.5 })],
  ['compact at -1', 'INVALID_ARGUMENT', () => db.compact(-1)],
  ['raise to 1.5', 'INVALID_ARGUMENT', () => db.raiseRevision(1.5)],
  ['raise above 2^52', 'INVALID_ARGUMENT', () => db.raiseRevision(2 ** 52 + 1)],
  ['transfer to a number', 'INVALID_ARGUMENT', () => db.transferLeader(wrong(3))],
  ['transfer to a stranger', 'MEMBER_UNKNOWN', () => db.transferLeader('nobody')],
  [
    'txn with an unknown target',
    'INVALID_ARGUMENT',
    () =>
      db
        .txn()
        .if(compare('k', wrong('size'), '=', wrong(1)))
        .commit(),
  ],
  [
    'txn with an unknown operator',
    'INVALID_ARGUMENT',
    () =>
      db
        .txn()
        .if(compare('k', 'version', wrong('>='), 1))
        .commit(),
  ],
  [
    'txn comparing a value with a number',
    'INVALID_ARGUMENT',
    () =>
      db
        .txn()
        .if(compare('k', 'value', '=', wrong(1)))
        .commit(),
  ],
  [
    'txn comparing a version with text',
    'INVALID_ARGUMENT',
    () =>
      db
        .txn()
        .if(compare('k', 'version', '=', wrong('1')))
        .commit(),
  ],
  ['txn with an empty key', 'KEY_EMPTY', () => db.txn().then(put('', 'v')).commit()],
  [
    'txn with a value too large',
    'VALUE_TOO_LARGE',
    () =>
      db
        .txn()
        .then(put('k', new Uint8Array(1_572_865)))
        .commit(),
  ],
  [
    'txn with 129 operations',
    'TOO_MANY_OPERATIONS',
    () =>
      db
        .txn()
        .then(...Array.from({ length: 129 }, (_, i) => get(`${i}`)))
        .commit(),
  ],
  [
    'txn too large',
    'REQUEST_TOO_LARGE',
    () =>
      db
        .txn()
        .then(...['a', 'b', 'c'].map((key) => put(key, new Uint8Array(1_500_000))))
        .commit(),
  ],
  ['txn that deletes nothing said', 'INVALID_ARGUMENT', () => db.txn().then(del({})).commit()],
  ['txn that is awaited without commit', 'INVALID_ARGUMENT', async () => await wrong<Promise<void>>(db.txn().then(get('k')))],
  ['no endpoints', 'INVALID_ARGUMENT', () => createRemote({ ports: network.ports, endpoints: [] })],
  ['endpoint without port', 'ADDRESS_INVALID', () => createRemote({ ports: network.ports, endpoints: ['localhost'] })],
  ['endpoint with a wrong port', 'ADDRESS_INVALID', () => createRemote({ ports: network.ports, endpoints: ['localhost:70000'] })],
]

test.each(cases)('%s: %s', async (_, code, call) => {
  const before = network.first.requests.filter(({ type }) => type !== 7).length
  await expect((async () => call())()).rejects.toMatchObject({ name: 'RafterError', code })
  expect(network.first.requests.filter(({ type }) => type !== 7).length).toBe(before)
})

test('the largest key and value are taken', async () => {
  const key = 'k'.repeat(65_536)
  await db.put(key, 'v'.repeat(1_572_864))
  expect((await db.get(key))?.length).toBe(1_572_864)
  expect(db.getSync(key)?.length).toBe(1_572_864)
})

test('a wrong call leaves the others of its turn alone', async () => {
  const results = await Promise.allSettled([db.put('x', '1'), db.put('', '2'), db.put('y', wrong(3)), db.put('z', '4')])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect([await db.get('x'), await db.get('z')]).toEqual(['1', '4'])
})
