// A session is started before it is used, replaced when its start gets lost, and given up when the cluster forgot it.
import { expect, test } from 'vitest'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { put } from '../../src/client/transaction/parts.js'
import { FakeNetwork } from './fake-member.js'
import { readBatch } from './fake-wire.js'

const WRITE = 1

function batches(network: FakeNetwork) {
  return network.first.requests.filter(({ type }) => type === WRITE).map(({ body }) => readBatch(body))
}

/** The sessions that batches with operations named, in the order of their first. */
function sessionsOfWrites(network: FakeNetwork): number[] {
  return [...new Set(batches(network).flatMap(({ session, start }) => (start ? [] : [session])))]
}

test('the first batch has no operations, and no other goes out before it is answered', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  const done = db.put('a', '1')
  await new Promise((resolve) => setImmediate(resolve))
  expect(batches(network)).toHaveLength(1)
  expect(batches(network)[0]).toMatchObject({ sequence: 1, retry: false, start: true, operations: [] })
  await done
  await db.put('a', '2')
  const [start, first, second] = batches(network)
  expect([first?.sequence, first?.acked, second?.sequence, second?.acked]).toEqual([2, 2, 3, 3])
  expect([...network.store.sessions.keys()], 'the number that the cluster gave').toEqual([first?.session])
  expect(second?.session).toBe(first?.session)
  expect(start?.session).not.toBe(first?.session)
  expect([first?.start, second?.start]).toEqual([false, false])
  await db.close()
})

test('a session whose start may be lost is not used', async () => {
  const network = new FakeNetwork()
  let starts = 0
  network.first.fault = ({ body }) => (body.length === 32 && starts++ === 0 ? { code: 'LEADER_LOST' } : undefined)
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', '1')
  const sent = batches(network)
  expect(sent.map(({ operations }) => operations.length)).toEqual([0, 0, 1])
  expect(sent[0]?.session).not.toBe(sent[1]?.session)
  expect(sent.some(({ retry }) => retry)).toBe(false)
  await db.close()
})

test('SESSION_EXPIRED rejects what cannot be told, and later writes have a new session', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', '1')
  network.first.fault = ({ body }) => {
    network.first.fault = () => undefined
    network.store.write(readBatch(body))
    network.store.sessions.clear()
    return { code: 'LEADER_LOST' }
  }
  await expect(db.put('a', '2')).rejects.toMatchObject({
    code: 'SESSION_EXPIRED',
    message: expect.stringContaining('so read before writing again'),
  })
  await db.put('a', '3')
  expect(sessionsOfWrites(network)).toHaveLength(2)
  await db.close()
})

test('what was sent once to a cluster that has forgotten the session is sent again in a new one', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', '1')
  network.store.sessions.clear()
  const { applied } = network.store
  await Promise.all([db.put('a', '2'), db.put('b', '2'), db.txn().then(put('c', '2')).commit()])
  expect(network.store.applied - applied).toBe(3 + 1) // a transaction counts itself too
  expect(sessionsOfWrites(network)).toHaveLength(2)
  expect(batches(network).some(({ retry }) => retry)).toBe(false)
  await db.close()
})

test('no more batches are unanswered than the window allows', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports, requestTimeout: 60_000 })
  await db.put('warm', 'up')
  network.first.stopped = true
  const all: Promise<unknown>[] = []
  for (let i = 0; i < 4200; i++) {
    all.push(db.put(`k${i}`, 'v').catch(() => {}))
    await new Promise((resolve) => setImmediate(resolve))
  }
  const sequences = batches(network).map(({ sequence }) => sequence)
  expect(Math.max(...sequences) - 3).toBeLessThan(4096)
  expect(sequences.length).toBeGreaterThan(4000)
  network.first.break()
  await Promise.all(all)
  await db.close()
})
