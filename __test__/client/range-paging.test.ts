// A range pages at one revision: consistent while writes go on, bounded, and over as soon as its consumer leaves.
import { expect, test } from 'vitest'
import type { Database } from '../../src/client/api.js'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'
import { readRead } from './fake-wire.js'

const READ = 2
const KEYS = 3000

async function filled(): Promise<{ network: FakeNetwork; db: Database; keys: string[] }> {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  const keys = Array.from({ length: KEYS }, (_, i) => `k${`${i}`.padStart(5, '0')}`)
  await Promise.all(keys.map((key) => db.put(key, 'old')))
  network.first.requests.length = 0
  return { network, db, keys }
}

async function collect(range: AsyncIterable<{ key: string; value: string }>): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of range) keys.push(key)
  return keys
}

test('writes between pages are not seen', async () => {
  const { db, keys } = await filled()
  const seen: string[] = []
  for await (const { key, value } of db.range({ prefix: 'k' })) {
    seen.push(`${key} ${value}`)
    if (seen.length % 700 === 1)
      await Promise.all([db.put('k00001a', 'new'), db.put('k02999', 'new'), db.delete('k02500'), db.put('k9', '')])
  }
  expect(seen).toEqual(keys.map((key) => `${key} old`))
  expect(await db.count({ prefix: 'k' })).toBe(KEYS + 1)
  await db.close()
})

test('both directions, with and without limits, at the edges of pages', async () => {
  const { db, keys } = await filled()
  const descending = [...keys].reverse()
  expect(await collect(db.range())).toEqual(keys)
  expect(await collect(db.range({ reverse: true }))).toEqual(descending)
  for (const limit of [1, 1023, 1024, 1025, 2048, KEYS, KEYS + 1]) {
    expect(await collect(db.range({ limit }))).toEqual(keys.slice(0, limit))
    expect(await collect(db.range({ limit, reverse: true }))).toEqual(descending.slice(0, limit))
  }
  expect(await collect(db.range({ from: 'k00010', to: 'k02000' }))).toEqual(keys.slice(10, 2000))
  await db.close()
})

test('leaving early reads no further page', async () => {
  const { network, db } = await filled()
  for await (const { key } of db.range()) if (key === 'k00003') break
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(network.first.count(READ)).toBe(1)
  await db.close()
})

test('pages that the member cuts short are completed', async () => {
  const { network, db, keys } = await filled()
  network.store.readReplyBytesMax = 2000
  expect(await collect(db.range({ limit: 500 }))).toEqual(keys.slice(0, 500))
  expect(network.first.count(READ)).toBeGreaterThan(10)
  await db.close()
})

test('gets that found no room in the reply are asked again', async () => {
  const { network, db, keys } = await filled()
  network.store.readReplyBytesMax = 500
  const values = await Promise.all(keys.slice(0, 50).map((key) => db.get(key)))
  expect(values).toEqual(values.map(() => 'old'))
  expect(network.first.count(READ)).toBeGreaterThan(3)
  await db.close()
})

test('each iteration reads afresh', async () => {
  const { db, keys } = await filled()
  const range = db.range({ limit: 2 })
  await collect(range)
  await db.put('a', '')
  expect(await collect(range)).toEqual(['a', keys[0]])
  await db.close()
})

test('at a revision, and keys only', async () => {
  const { network, db } = await filled()
  await db.delete({ prefix: '' })
  expect(await collect(db.range())).toEqual([])
  const pairs = []
  for await (const pair of db.range({ revision: 3, keysOnly: true })) pairs.push([pair.key, pair.value])
  expect(pairs).toEqual([
    ['k00000', ''],
    ['k00001', ''],
    ['k00002', ''],
  ])
  const read = network.first.requests.findLast(({ type }) => type === READ)
  expect(readRead(read!.body).ranges[0]).toMatchObject({ flags: 1 | 8, revision: 3 })
  await db.compact(5)
  await expect(collect(db.range({ revision: 3 }))).rejects.toMatchObject({ code: 'COMPACTED' })
  await expect(collect(db.range({ revision: 10 ** 6 }))).rejects.toMatchObject({ code: 'FUTURE_REVISION' })
  await db.close()
})

test('a later page waits for a member that is behind', async () => {
  const { network, db, keys } = await filled()
  let reads = 0
  const range = network.store.range.bind(network.store)
  network.store.range = (operation, room) => range(++reads === 2 ? { ...operation, revision: 10 ** 9 } : operation, room)
  expect(await collect(db.range())).toEqual(keys)
  await db.close()
})
