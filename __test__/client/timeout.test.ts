// A call ends when its time is up, says what may have happened, and disturbs no other call of its batch.
import { expect, test } from 'vitest'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

test('one call of a batch times out, the others are answered', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('warm', 'up')
  network.first.delay = 80
  const start = performance.now()
  const slow = db.put('a', '1', { timeout: 20 })
  const others = [db.put('b', '2'), db.put('c', '3', { timeout: 5000 })]
  await expect(slow).rejects.toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('may or may not be committed') })
  expect(performance.now() - start).toBeLessThan(75)
  expect(await Promise.all(others)).toEqual([{ revision: 3 }, { revision: 4 }])
  await db.close()
})

test('a write that no member took says that nothing was done', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('warm', 'up')
  network.first.busy = 1000
  await expect(db.put('a', '1', { timeout: 60 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringMatching(/BUSY.*nothing was done/),
  })
  expect(await db.count({}, { timeout: 30 }).catch(({ code }) => code)).toBe('TIMEOUT')
  network.first.busy = 0
  expect(await db.get('a')).toBeNull()
  await db.close()
})

test('a late answer is ignored, and the batch keeps no place in the session', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports, requestTimeout: 30 })
  await db.put('warm', 'up')
  network.first.fault = () => 'lose'
  await expect(db.put('a', '1')).rejects.toMatchObject({ code: 'TIMEOUT' })
  network.first.fault = () => undefined
  network.first.delay = 50
  await expect(db.get('a')).rejects.toMatchObject({ code: 'TIMEOUT' })
  network.first.delay = 0
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect(await db.put('b', '2')).toEqual({ revision: 2 })
  expect(network.first.requests.at(-1)?.body.readUInt32LE(16)).toBe(4)
  await db.close()
})

test('every call has its own deadline', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  network.first.stopped = true
  const start = performance.now()
  const ends = [90, 30, 60].map((timeout) => db.get('k', { timeout }).catch(() => performance.now() - start))
  const [late, early, middle] = (await Promise.all(ends)) as number[]
  expect(early).toBeGreaterThanOrEqual(29)
  expect(early).toBeLessThan(58)
  expect(middle).toBeGreaterThanOrEqual(59)
  expect(late).toBeGreaterThanOrEqual(89)
  await db.close()
})

test('a call whose time is up before its batch was sent is not in the batch when it goes out', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('warm', 'up')
  network.first.fault = () => ({ code: 'NO_LEADER' })
  const calls = [
    db.put('a', '1', { timeout: 30 }),
    db.put('b', '2'),
    db.delete('warm', { timeout: 30 }),
    db.txn().commit({ timeout: 30 }),
    db.put('c', '3'),
  ]
  setTimeout(() => {
    network.first.fault = () => undefined
  }, 60)
  const results = await Promise.allSettled(calls)
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect([...network.store.rows.keys()]).toEqual(['warm', 'b', 'c'])
  expect(await db.get('warm')).toBe('up')
  await db.close()
})
