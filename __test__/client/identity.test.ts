// A database is of the cluster that it met first: data that has taken its place under the same address is not its own.
import { expect, test } from 'vitest'
import type { Port } from '../../src/client/connection/port.js'
import { createRemote } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

const WRITE = 1
const READ = 2
const WATCH = 3

/** Members whose data can be replaced: the addresses stay, the store and the cluster's identity are new. */
class Replaced {
  now: FakeNetwork

  constructor(readonly count: number) {
    this.now = new FakeNetwork(count)
  }

  ports = (...args: Parameters<FakeNetwork['ports']>): Promise<Port> => this.now.ports(...args)

  /** Another network in its place. `cluster` 0: it does not know yet which it is. */
  replace(cluster: number): FakeNetwork {
    const before = this.now
    this.now = new FakeNetwork(this.count)
    this.now.cluster = cluster
    for (const member of before.members) member.break()
    return this.now
  }
}

async function connected(count = 1) {
  const replaced = new Replaced(count)
  const db = await createRemote({ ports: replaced.ports, endpoints: replaced.now.endpoints })
  await db.put('k', 'old')
  return { replaced, db }
}

test('a watch ends when the data under it was replaced', async () => {
  const { replaced, db } = await connected()
  const watch = db.watch({ prefix: '' })
  const next = watch[Symbol.asyncIterator]().next()
  await watch.started()
  replaced.replace(0xc2)
  await expect(next).rejects.toMatchObject({
    code: 'CLUSTER_MISMATCH',
    message: expect.stringMatching(/127\.0\.0\.1:7001 \(it is of cluster c2, not c1\).*read the keys again/),
  })
  const late = db.watch({ prefix: '' })
  await expect(late.started()).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
  // There is nobody to tell that the watches are over.
  const start = performance.now()
  await db.close()
  expect(performance.now() - start).toBeLessThan(4_000)
})

test('nothing is written to or read from data that is not its own', async () => {
  const { replaced, db } = await connected()
  const now = replaced.replace(0xc2)
  const calls = [db.put('k', 'new', { timeout: 300 }), db.get('k', { timeout: 300 })]
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
  expect([now.first.count(WRITE), now.first.count(READ)]).toEqual([0, 0])
  await db.close()
})

test('a watch waits while the member does not know yet what it is, and while its own members are away', async () => {
  const { replaced, db } = await connected()
  const before = replaced.now
  const watch = db.watch({ prefix: '' })
  await watch.started()
  const unnamed = replaced.replace(0)
  await new Promise((resolve) => setTimeout(resolve, 400))
  expect([unnamed.first.count(WATCH), unnamed.first.count(WRITE)]).toEqual([0, 0])
  // It was the old one all along.
  before.first.network.cluster = 0xc1
  replaced.now = before
  await db.put('k', 'new')
  const { value } = await watch[Symbol.asyncIterator]().next()
  expect(value).toMatchObject({ key: 'k', value: 'new' })
  await db.close()
})

test('one member of another cluster among others is passed over', async () => {
  const network = new FakeNetwork(2)
  const foreign = new FakeNetwork(2)
  foreign.cluster = 0xc2
  const ports = (...args: Parameters<FakeNetwork['ports']>): Promise<Port> =>
    args[0] === foreign.members[1]?.endpoint ? foreign.ports(...args) : network.ports(...args)
  const db = await createRemote({ ports, endpoints: [network.first.endpoint] })
  const watch = db.watch({ prefix: '' })
  await watch.started()
  foreign.leader = 2
  // The foreign one is the first to answer.
  network.first.delay = 20
  network.first.break()
  await db.put('k', 'v')
  const { value } = await watch[Symbol.asyncIterator]().next()
  expect(value).toMatchObject({ key: 'k' })
  expect(foreign.members[1]?.count(WRITE)).toBe(0)
  await db.close()
})

test('a member whose answer does not match is found out though it passed before', async () => {
  const { replaced, db } = await connected()
  const watch = db.watch({ prefix: '' })
  await watch.started()
  // It says one thing when asked for the members, and another when it begins the watch.
  replaced.now.first.fault = ({ type }) => {
    if (type === WATCH) replaced.now.cluster = 0xc2
    return undefined
  }
  const next = watch[Symbol.asyncIterator]().next()
  replaced.now.first.break()
  await expect(next).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
  await db.close()
})
