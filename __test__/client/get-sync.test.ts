// getSync reads on the caller's thread where the lease or the consistency allows it, and says so where not.
import { expect, test } from 'vitest'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'

test('it needs no turn of the event loop', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', 'value')
  const requests = network.first.requests.length
  expect(db.getSync('a')).toBe('value')
  expect(db.getSync('none')).toBeNull()
  expect(network.first.requests.length).toBe(requests)
  await db.close()
})

test('without a lease it is NO_LEASE, unless the read is serializable', async () => {
  const network = new FakeNetwork(2)
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', 'value')
  network.leader = 2
  expect(() => db.getSync('a')).toThrow(
    expect.objectContaining({ code: 'NO_LEASE', message: expect.stringContaining('await db.get') }),
  )
  expect(db.getSync('a', { consistency: 'serializable' })).toBe('value')
  await db.close()
})
