// A full queue is waited for, or told, as the caller chose; and what one client holds is bounded.
import { expect, test } from 'vitest'
import { HELD_BYTES_MAX } from '../../src/client/buffers/slab.js'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

test('by default a call waits while the member is full', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  network.first.busy = 3
  let refused = 0
  network.first.fault = () => (refused++ < 3 ? { code: 'BUSY' } : undefined)
  const puts = Array.from({ length: 10 }, (_, i) => db.put(`k${i}`, 'v'))
  expect((await Promise.all(puts)).map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  await db.close()
})

test('the wait counts towards the timeout', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  network.first.busy = 1000
  await expect(db.put('a', '1', { timeout: 40 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringContaining('BUSY'),
  })
  await db.close()
})

test('without waiting, a full queue is BUSY at once and nothing is done', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports, waitWhenBusy: false })
  await db.put('warm', 'up')
  network.first.fault = () => ({ code: 'BUSY' })
  await expect(db.put('a', '1')).rejects.toMatchObject({ code: 'BUSY' })
  network.first.fault = () => undefined
  network.first.busy = 1
  await expect(db.put('a', '1')).rejects.toMatchObject({ code: 'BUSY' })
  expect(network.store.revision).toBe(1)
  await db.close()
})

test('writes that waited go out in the order of their calls', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('warm', 'up')
  let refused = 0
  network.first.fault = ({ type }) => (type === 1 && refused++ === 0 ? { code: 'BUSY' } : undefined)
  const results = []
  for (let i = 0; i < 5; i++) {
    results.push(db.put('same', `${i}`))
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(results)
  expect(await db.get('same')).toBe('4')
  await db.close()
})

test('calls above the bound on held bytes fail with BUSY', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports, requestTimeout: 300 })
  network.first.stopped = true
  const value = new Uint8Array(1 << 20)
  const codes: string[] = []
  const all = Array.from({ length: HELD_BYTES_MAX / value.length + 10 }, (_, i) =>
    db.put(`k${i}`, value).catch(({ code }) => {
      codes.push(code)
    }),
  )
  await new Promise((resolve) => setImmediate(resolve))
  expect(codes.filter((code) => code === 'BUSY').length).toBeGreaterThanOrEqual(10)
  await Promise.all(all)
  network.first.stopped = false
  await db.put('later', 'works')
  await db.close()
})
