// A watch from now on begins before whatever is called after it, though its member may have to ask for leave to begin it.
import { expect, test } from 'vitest'
import type { Watch } from '../../src/client/api.js'
import { createEmbedded, createRemote } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

const READ = 2
const WATCH = 3

async function firstKey(watch: Watch): Promise<string | undefined> {
  const { value } = await watch[Symbol.asyncIterator]().next()
  return value?.key
}

async function opened() {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  return { network, db }
}

test('an election does not end it, and what was called after it is reported', async () => {
  const { network, db } = await opened()
  let refusals = 5
  network.first.fault = ({ type }) => (type === WATCH && refusals-- > 0 ? { code: 'NO_LEADER' } : undefined)
  const watch = db.watch({ prefix: '' })
  const written = db.put('after', 'the call')
  expect(await firstKey(watch)).toBe('after')
  await written
  expect(network.first.count(WATCH)).toBe(6)
  await db.close()
})

test('a read that is called after it sees nothing older than what it reports', async () => {
  const { network, db } = await opened()
  await db.put('k', 'old')
  let refusals = 3
  network.first.fault = ({ type }) => (type === WATCH && refusals-- > 0 ? { code: 'NO_LEADER' } : undefined)
  const other = await createEmbedded({ ports: network.ports })
  const watch = db.watch({ prefix: '' })
  const read = db.get('k')
  await other.put('k', 'new')
  expect(network.first.count(READ)).toBe(0)
  const first = await watch.started()
  // Either the read sees the change, or the watch reports it.
  expect([await read, first]).toEqual(['new', 3])
  await Promise.all([db.close(), other.close()])
})

test('operations of the same turn keep their order with it', async () => {
  const { network, db } = await opened()
  await db.put('begun', 'a session')
  let refusals = 3
  network.first.fault = ({ type }) => (type === WATCH && refusals-- > 0 ? { code: 'NO_LEADER' } : undefined)
  const before = db.put('before', '')
  const watch = db.watch({ prefix: '' })
  const after = db.put('after', '')
  expect(await firstKey(watch)).toBe('after')
  await Promise.all([before, after])
  await db.close()
})

test('a member that has no room for it holds nothing else up', async () => {
  const { network, db } = await opened()
  network.first.fault = ({ type }) => (type === WATCH ? { code: 'BUSY' } : undefined)
  db.watch({ prefix: '' })
  await db.put('after', 'the call')
  expect(await db.get('after')).toBe('the call')
  await db.close()
})

test('what needs no leader is answered while it waits for one', async () => {
  const { network, db } = await opened()
  await db.put('k', 'value')
  network.first.fault = ({ type }) => (type === WATCH ? { code: 'NO_LEADER' } : undefined)
  const watch = db.watch({ prefix: '' })
  const newest = db.get('k', { timeout: 200 })
  expect(await db.get('k', { consistency: 'serializable' })).toBe('value')
  expect((await db.members()).length).toBeGreaterThan(0)
  await expect(newest).rejects.toMatchObject({ code: 'TIMEOUT' })
  await watch[Symbol.asyncDispose]()
  await db.close()
})

test('a watch that is left before it has begun holds nothing up', async () => {
  const { network, db } = await opened()
  network.first.fault = ({ type }) => (type === WATCH ? 'lose' : undefined)
  const watch = db.watch({ prefix: '' })
  const written = db.put('after', 'the call')
  await watch[Symbol.asyncDispose]()
  await written
  await db.close()
})

test('one that waits at a member without a leader goes on at the leader', async () => {
  const network = new FakeNetwork(2)
  const db = await createRemote({ ports: network.ports, endpoints: network.endpoints })
  network.first.fault = ({ type }) => (type === WATCH ? { code: 'NO_LEADER' } : undefined)
  network.leader = 2
  const watch = db.watch({ prefix: '' })
  expect(await watch.started()).toBe(1)
  expect(network.members[1]?.count(WATCH)).toBe(1)
  await db.close()
})
