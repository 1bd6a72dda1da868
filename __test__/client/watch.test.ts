// A watch reports each change once and in order, within bounded memory, until its consumer leaves.
import { expect, test } from 'vitest'
import type { Watch, WatchEvent } from '../../src/client/api.js'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'
import { Reader } from './fake-wire.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

const WATCH = 3
const WATCH_CREDIT = 4
const CANCEL = 5

async function take(watch: Watch, count: number): Promise<WatchEvent[]> {
  const iterator = watch[Symbol.asyncIterator]()
  const events: WatchEvent[] = []
  while (events.length < count) events.push((await iterator.next()).value as WatchEvent)
  return events
}

async function opened() {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  return { network, db }
}

test('it begins when it is called, not when it is first iterated', async () => {
  const { db } = await opened()
  await db.put('a', 'before')
  const watch = db.watch({ prefix: '' })
  await db.put('a', 'after')
  await db.delete('a')
  expect(await watch.started()).toBe(2)
  const put = { type: 'put', revision: 2, key: 'a', value: 'after', version: 2, createRevision: 1 }
  expect(await take(watch, 2)).toEqual([put, { type: 'delete', revision: 3, key: 'a', version: 0, createRevision: 0 }])
  await db.close()
})

test('from a revision, of one key, with what was before, as bytes', async () => {
  const { db } = await opened()
  for (const value of ['1', '2', '3']) await Promise.all([db.put('k', value), db.put('other', value)])
  const watch = db.watch({ key: 'k', fromRevision: 3, previous: true, as: 'bytes' })
  const events = await take(watch as unknown as Watch, 2)
  const bytes = (text: string) => new Uint8Array(Buffer.from(text))
  expect(events).toMatchObject([
    { revision: 3, key: bytes('k'), value: bytes('2'), previous: { value: bytes('1'), modRevision: 1 } },
    { revision: 5, value: bytes('3'), previous: { value: bytes('2') } },
  ])
  await db.close()
})

test('no more events are sent than there is room for, and all of them come in the end', async () => {
  const { network, db } = await opened()
  const watch = db.watch()
  await watch.started()
  for (let i = 0; i < 5; i++) await Promise.all(Array.from({ length: 1000 }, (_, j) => db.put(`k${j}`, `${i}`)))
  await new Promise((resolve) => setTimeout(resolve, 10))
  const [open] = [...network.first.ports].flatMap((port) => [...port.watches.values()])
  expect(open?.credit).toBe(0)
  expect(open?.next).toBe(1025)
  const events = await take(watch, 5000)
  expect(events.map(({ revision }) => revision)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1))
  const credits = network.first.requests
    .filter(({ type }) => type === WATCH_CREDIT)
    .map(({ body }) => new Reader(body.subarray(8)).u32())
  expect(credits).toEqual(credits.map(() => 512))
  await db.close()
})

test('leaving the loop, dispose and abort end it at the member', async () => {
  const { network, db } = await opened()
  const left = db.watch()
  await db.put('a', '1')
  for await (const event of left) {
    expect(event.key).toBe('a')
    break
  }
  {
    await using scoped = db.watch()
    await scoped.started()
  }
  const controller = new AbortController()
  const aborted = db.watch({ signal: controller.signal })
  setTimeout(() => controller.abort(), 5)
  await expect(take(aborted, 1)).rejects.toMatchObject({ code: 'ABORTED' })
  await new Promise((resolve) => setTimeout(resolve, 5))
  const ids = network.first.requests.filter(({ type }) => type === WATCH).map(({ id }) => id)
  const cancelled = network.first.requests.filter(({ type }) => type === CANCEL).map(({ body }) => new Reader(body).u64())
  expect(cancelled).toEqual(ids)
  expect([...network.first.ports].map((port) => port.watches.size)).toEqual([0])
  await db.close()
})

test('what was compacted cannot be watched', async () => {
  const { db } = await opened()
  for (let i = 0; i < 5; i++) await db.put('k', `${i}`)
  await db.compact(3)
  const watch = db.watch({ fromRevision: 2 })
  await expect(take(watch, 1)).rejects.toMatchObject({ code: 'COMPACTED' })
  await expect(watch.started()).rejects.toMatchObject({ code: 'COMPACTED' })
  expect(await watch[Symbol.asyncIterator]().next()).toEqual({ value: undefined, done: true })
  await db.close()
})

test('it ends without an error when the database is closed', async () => {
  const { db } = await opened()
  const events: WatchEvent[] = []
  const watching = (async () => {
    for await (const event of db.watch()) events.push(event)
  })()
  await db.put('a', '1')
  await new Promise((resolve) => setTimeout(resolve, 5))
  await db.close()
  await watching
  expect(events).toHaveLength(1)
})
