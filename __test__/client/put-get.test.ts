// What is put is what is read, as strings and as bytes, whatever the key and value.
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/client/api.js'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'

let network: FakeNetwork
let db: Database

beforeEach(async () => {
  network = new FakeNetwork()
  db = await createEmbedded({ ports: network.ports })
})
afterEach(() => db.close())

test('a put resolves to its revision, and a get to its value', async () => {
  expect(await db.put('a', 'one')).toEqual({ revision: 1 })
  expect(await db.put('b', 'two')).toEqual({ revision: 2 })
  expect(await db.get('a')).toBe('one')
  expect(await db.get('none')).toBeNull()
})

test('text of any kind comes back', async () => {
  for (const text of ['', 'é', `${'x'.repeat(31)}ß`, '日本語'.repeat(50), '😀', 'a'.repeat(5000), 'ü'.repeat(3000), '\0']) {
    await db.put(`key ${text.slice(0, 20)}`, text)
    expect(await db.get(`key ${text.slice(0, 20)}`)).toBe(text)
    expect(db.getSync(`key ${text.slice(0, 20)}`)).toBe(text)
  }
})

test('bytes come back as bytes of their own', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
  await db.put(bytes, bytes)
  const value = await db.get(bytes, { as: 'bytes' })
  expect(value).toEqual(bytes)
  expect(value?.constructor).toBe(Uint8Array)
  const kept = db.getSync(bytes, { as: 'bytes' })
  await db.put(bytes, 'other')
  db.getSync(bytes)
  expect(kept).toEqual(bytes)
})

test('a value may be changed by its owner after the call', async () => {
  const value = new Uint8Array([1, 2, 3])
  const done = db.put('k', value)
  value[0] = 9
  await done
  expect(await db.get('k', { as: 'bytes' })).toEqual(new Uint8Array([1, 2, 3]))
})

test('bytes that are no UTF-8, and lone surrogates, read as replacement characters', async () => {
  await db.put('k', new Uint8Array([0x61, 0xff, 0x62]))
  expect(await db.get('k')).toBe('a\ufffdb')
  await db.put('s', 'x\ud800y')
  expect(await db.get('s')).toBe('x\ufffdy')
})

test('getPair gives the revisions', async () => {
  await db.put('k', 'one')
  await db.put('k', 'two')
  const pair = { key: 'k', value: 'two', createRevision: 1, modRevision: 2, version: 2, lease: 0 }
  expect(await db.getPair('k')).toEqual(pair)
  expect(await db.getPair('k', { revision: 1 })).toEqual({ ...pair, value: 'one', modRevision: 1, version: 1 })
  expect(await db.getPair('k', { as: 'bytes' })).toMatchObject({ key: new Uint8Array([0x6b]) })
  expect(await db.getPair('none')).toBeNull()
})

test('a value larger than the buffer for responses comes back', async () => {
  const large = 'y'.repeat(1_500_000)
  await db.put('large', large)
  expect(await db.get('large')).toBe(large)
  expect(db.getSync('large')).toBe(large)
})
