// A transaction carries out one of its branches, and says what each operation of it did.
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/client/api.js'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { compare, del, get, put, range } from '../../src/client/transaction/parts.js'
import { FakeNetwork } from './fake-member.js'

let network: FakeNetwork
let db: Database
beforeEach(async () => {
  network = new FakeNetwork()
  db = await createEmbedded({ ports: network.ports })
})
afterEach(() => db.close())

test('compare and set', async () => {
  const take = () =>
    db
      .txn()
      .if(compare('lock', 'version', '=', 0))
      .then(put('lock', 'mine'))
      .else(get('lock'))
      .commit()
  expect(await take()).toEqual({ succeeded: true, revision: 1, results: [{ type: 'put' }] })
  const lost = await take()
  expect(lost).toMatchObject({ succeeded: false, results: [{ type: 'get', pair: { key: 'lock', value: 'mine', version: 1 } }] })
})

test('the results of every kind of operation', async () => {
  await Promise.all(['a', 'b', 'c', 'd'].map((key) => db.put(key, key)))
  const { results } = await db
    .txn()
    .then(
      put('a', 'new', { previous: true }),
      del({ from: 'b', to: 'd' }, { previous: true }),
      get('none'),
      range({ limit: 1, reverse: true }),
      { type: 'txn', if: [compare('d', 'value', '=', 'd')], then: [del('d')], else: [] },
    )
    .commit()
  expect(results).toMatchObject([
    { type: 'put', previous: { key: 'a', value: 'a' } },
    { type: 'delete', deleted: 2, previous: [{ key: 'b' }, { key: 'c' }] },
    { type: 'get', pair: null },
    { type: 'range', pairs: [{ key: 'd' }], more: true },
    { type: 'txn', succeeded: true, results: [{ type: 'delete', deleted: 1, previous: [] }] },
  ])
})

test('bytes on request', async () => {
  const key = new Uint8Array([0xff])
  await db.put(key, key)
  const { results } = await db.txn().then(get(key)).commit({ as: 'bytes' })
  expect(results).toMatchObject([{ type: 'get', pair: { key, value: key } }])
})

test('a condition on a selection holds for every key of it', async () => {
  await db.put('p1', 'x')
  await db.put('p2', 'y')
  expect(
    (
      await db
        .txn()
        .if(compare({ prefix: 'p' }, 'modRevision', '<', 3))
        .commit()
    ).succeeded,
  ).toBe(true)
  expect(
    (
      await db
        .txn()
        .if(compare({ prefix: 'p' }, 'modRevision', '<', 2))
        .commit()
    ).succeeded,
  ).toBe(false)
  expect(
    (
      await db
        .txn()
        .if(compare({ prefix: 'p' }, 'value', '!=', 'z'))
        .commit()
    ).succeeded,
  ).toBe(true)
})

test('a transaction that the member refuses does not spoil the other writes of its turn', async () => {
  await db.put('warm', 'up')
  network.first.fault = ({ type, body }) =>
    type === 1 && body.includes('twice') ? { code: 'DUPLICATE_KEY', text: 'twice' } : undefined
  const results = await Promise.allSettled([
    db.put('a', '1'),
    db.txn().then(put('twice', '1'), put('twice', '2')).commit(),
    db.delete('warm'),
    db.put('b', '2'),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  expect(results[1]).toMatchObject({ reason: { code: 'DUPLICATE_KEY' } })
  expect([await db.get('a'), await db.get('b'), await db.get('warm'), await db.get('twice')]).toEqual(['1', '2', null, null])
})
