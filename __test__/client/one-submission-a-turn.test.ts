// All operations of one turn of the event loop cross to the member together.
import { expect, test } from 'vitest'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { compare, del, get, range } from '../../src/client/transaction/parts.js'
import { limits } from '../../src/limits.js'
import { FakeNetwork } from './fake-member.js'

async function opened() {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('warm', 'up')
  network.submissions = 0
  network.first.requests.length = 0
  return { network, db }
}

test('puts, deletes and transactions are one batch; reads of one consistency another; all one submission', async () => {
  const { network, db } = await opened()
  await Promise.all([
    ...Array.from({ length: 100 }, (_, i) => db.put(`k${i}`, 'v')),
    db.delete('none'),
    db.txn().commit(),
    ...Array.from({ length: 100 }, (_, i) => db.get(`k${i}`)),
    db.get('k', { consistency: 'serializable' }),
  ])
  expect(network.submissions).toBe(1)
  expect(network.first.requests.map(({ type }) => type).sort()).toEqual([1, 2, 2])
  await db.close()
})

test('what may take long has a request of its own, in the same submission', async () => {
  const { network, db } = await opened()
  await Promise.all([
    db.put('a', '1'),
    db.delete({ prefix: 'a' }),
    db.put('b', '1'),
    db
      .txn()
      .then(range({ prefix: 'b' }))
      .commit(),
    db
      .txn()
      .then(del({ prefix: 'c' }))
      .commit(),
    db
      .txn()
      .if(compare({ prefix: 'd' }, 'version', '>', 0))
      .commit(),
    db.put('c', '1'),
    db.get('a'),
    db.count(),
    db.get('b'),
  ])
  expect(network.submissions).toBe(1)
  expect(network.first.requests.map(({ type }) => type).sort()).toEqual([1, 1, 1, 1, 1, 1, 1, 2, 2, 2])
  expect([await db.get('a'), await db.get('b'), await db.get('c')]).toEqual([null, '1', '1'])
  await db.close()
})

test('calls made when calls of the last delivery are answered go together, however deep their promises', async () => {
  const { network, db } = await opened()
  const deep = async (i: number): Promise<void> => {
    for (let depth = 0; depth < i % 7; depth++) await null
    await db.put(`k${i}`, 'v')
  }
  await Promise.all(Array.from({ length: 50 }, (_, i) => db.get(`k${i}`).then(() => deep(i))))
  expect(network.submissions).toBe(2)
  await db.close()
})

test('calls of other callbacks in the same turn go along while something is under way', async () => {
  const { network, db } = await opened()
  network.first.delay = 5
  const first = db.get('a')
  await new Promise((resolve) => process.nextTick(resolve))
  const callbacks = Array.from({ length: 20 }, () => new Promise((resolve) => setImmediate(() => resolve(db.get('b')))))
  await Promise.all([first, ...callbacks])
  expect(network.submissions).toBe(2)
  await db.close()
})

test('a batch is closed at batchBytesMax', async () => {
  const { network, db } = await opened()
  await Promise.all(Array.from({ length: 100 }, (_, i) => db.put(`k${i}`, 'v'.repeat(10_000))))
  const lengths = network.first.requests.map(({ body }) => body.length)
  expect(lengths.length).toBeGreaterThanOrEqual(8)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(131_072 + 10_100)
  await db.close()
})

test('a batch has no more operations than a member takes, those in transactions and their compares included', async () => {
  const { network, db } = await opened()
  const txn = () =>
    db
      .txn()
      .if(...Array.from({ length: 50 }, () => compare('k', 'version', '=', 0)))
      .then(...Array.from({ length: 50 }, () => get('k')))
      .commit()
  await Promise.all([
    ...Array.from({ length: 10_000 }, () => db.put('k', '')),
    ...Array.from({ length: 100 }, txn),
    ...Array.from({ length: 10_000 }, () => db.get('k')),
  ])
  const operations = network.first.requests.map(({ type, body }) => {
    const calls = Buffer.from(body).readUInt32LE(type === 1 ? 28 : 4)
    // A transaction is as much as 101 puts, and as large as hardly 150.
    return type === 1 && body.length > calls * 1000 ? calls * 101 : calls
  })
  expect(Math.max(...operations)).toBeLessThanOrEqual(limits.batchOperationsMax)
  expect(operations.length).toBeLessThan(65)
  await db.close()
})
