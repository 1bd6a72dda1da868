// A watch goes on by itself after its connection or its leader is lost: no change missing, none twice.
import { expect, test } from 'vitest'
import type { Database, WatchEvent } from '../../src/client/api.js'
import { createEmbedded, createRemote } from '../../src/client/database/create-database.js'
import { put } from '../../src/client/transaction/parts.js'
import { FakeNetwork } from './fake-member.js'
import { freshSeed, Random } from './random.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

const CHANGES = 600

/** Writes while connections break; returns the changes as the watch saw them and as they were. */
async function watchUnderFaults(seed: number, forget: boolean): Promise<{ seen: string[]; made: string[] }> {
  const random = new Random(seed)
  const network = new FakeNetwork(4)
  const db = await createRemote({ ports: network.ports, endpoints: network.endpoints, requestTimeout: 20_000 })
  // Writes come from elsewhere, so that they go on while the watcher is cut off.
  const steady = network.members[3]!
  const writer = await createEmbedded({ ports: (_, notify, lost) => network.ports(steady.endpoint, notify, lost) })
  const watch = db.watch({ prefix: 'w' })
  await watch.started()
  if (forget) {
    for (const member of network.members) {
      member.fault = ({ type, body }) => {
        // A member that begins again at what is new, whatever it is asked for.
        if (type === 3) body.writeBigUInt64LE(0n, 12)
        return undefined
      }
    }
  }
  const seen: string[] = []
  const watching = (async () => {
    for await (const event of watch) {
      seen.push(`${event.revision} ${event.key} ${event.type}`)
      if (random.below(20) === 0) await new Promise((resolve) => setTimeout(resolve, 2))
      if (event.key === 'w last') break
    }
  })()
  for (let i = 0; i < CHANGES; i++) {
    for (const member of network.members) member.eventsMax = 1 + random.below(5)
    if (random.below(40) === 0) network.leader = 1 + random.below(3)
    if (random.below(25) === 0) random.pick(network.members.slice(0, 3)).break()
    await change(writer, random)
  }
  await writer.put('w last', '')
  await Promise.race([watching, new Promise((resolve) => setTimeout(resolve, forget ? 300 : 15_000))])
  await Promise.all([db.close(), writer.close()])
  const made = network.store.changes.filter(({ row }) => row.key.startsWith('w'))
  return { seen, made: made.map(({ row }) => `${row.mod} ${row.key} ${row.value === null ? 'delete' : 'put'}`) }
}

/** A put, a delete, or several changes of one revision. */
async function change(db: Database, random: Random): Promise<void> {
  const key = () => random.pick(['w1', 'w2', 'w3', 'w4', 'x'])
  const kind = random.below(4)
  if (kind === 0) await db.delete({ prefix: random.pick(['w', 'w1', 'x']) })
  else if (kind === 1) await db.txn().then(put('w1', ''), put('w2', ''), put('w3', ''), put('x', '')).commit()
  else await db.put(key(), 'v')
}

test('no gap and nothing twice, over broken connections and new leaders', async () => {
  const seed = freshSeed()
  const { seen, made } = await watchUnderFaults(seed, false)
  expect(seen, `RAFTERDB_SEED=${seed}`).toEqual(made)
})

test('a connection that is lost again before the events have come again: nothing twice', async () => {
  const network = new FakeNetwork()
  const member = network.first
  member.eventsMax = 1
  const db = await createRemote({ ports: network.ports, endpoints: network.endpoints })
  const watch = db.watch({ prefix: 'w' })
  await watch.started()
  await db.txn().then(put('w1', ''), put('w2', ''), put('w3', '')).commit()
  const seen: string[] = []
  for await (const { key } of watch) {
    seen.push(key)
    if (key === 'w2') {
      // Opened again, but broken before anything of it has come.
      member.fault = ({ type }) => (type === 3 ? 'lose' : undefined)
      member.break()
      while (member.count(3) < 2) await new Promise((resolve) => setTimeout(resolve, 1))
      member.fault = () => undefined
      member.break()
    }
    if (key === 'w3') break
  }
  expect(seen).toEqual(['w1', 'w2', 'w3'])
  await db.close()
})

test('canary: a member that does not resume where it is asked to is caught', async () => {
  const { seen, made } = await watchUnderFaults(11, true)
  expect(seen).not.toEqual(made)
})

test('a watch that was lost behind the compacted revision says so', async () => {
  const network = new FakeNetwork(2)
  const db = await createRemote({ ports: network.ports, endpoints: network.endpoints })
  const watch = db.watch()
  const iterator = watch[Symbol.asyncIterator]()
  await db.put('a', '1')
  expect(((await iterator.next()).value as WatchEvent).revision).toBe(1)
  for (const member of network.members) member.fault = ({ type }) => (type === 3 ? { code: 'WATCH_LOST' } : undefined)
  network.first.break()
  await expect(iterator.next()).rejects.toMatchObject({
    code: 'WATCH_LOST',
    message: expect.stringContaining('read the keys again'),
  })
  await db.close()
})
