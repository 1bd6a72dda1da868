// close answers what is under way, then everything later is CLOSED; a member that dies says why.
import { expect, test } from 'vitest'
import { createEmbedded } from '../../src/client/database/create-database.js'
import type { RafterError } from '../../src/errors.js'
import { FakeNetwork } from './fake-member.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

/** A database whose member stops, because it must, when `lose` is called. */
async function stoppable() {
  const network = new FakeNetwork()
  const fatal: RafterError[] = []
  let lost: Parameters<typeof network.ports>[2] = () => {}
  const db = await createEmbedded({
    ports: (endpoint, notify, told) => {
      lost = told
      return network.ports(endpoint, notify, told)
    },
    onFatal: (error) => fatal.push(error),
  })
  return { network, db, fatal, lose: (code: 'POISONED', message: string) => lost(code, message) }
}

test('what was called before close is answered', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  network.first.delay = 20
  const puts = Array.from({ length: 10 }, (_, i) => db.put(`k${i}`, 'v'))
  const closing = db.close()
  expect(await Promise.all(puts)).toHaveLength(10)
  await closing
  expect(network.first.ports.size).toBe(0)
})

test('later calls are CLOSED, and close may be called again', async () => {
  const db = await createEmbedded({ ports: new FakeNetwork().ports })
  const first = db.close()
  expect(db.close()).toBe(first)
  const codes = await Promise.all(
    [db.put('a', '1'), db.get('a'), db.delete('a'), db.count(), db.txn().commit(), db.compact(1), db.status(), db.members()].map(
      (call) => call.catch(({ code }) => code),
    ),
  )
  expect(new Set(codes)).toEqual(new Set(['CLOSED']))
  expect(() => db.getSync('a')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  expect(() => db.watch()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  await first
})

test('what is not answered in time is CLOSED, and the member is stopped all the same', async () => {
  const network = new FakeNetwork()
  let stopped = false
  const db = await createEmbedded({
    ports: network.ports,
    requestTimeout: 60,
    stop: async () => {
      stopped = true
    },
  })
  network.first.stopped = true
  const put = db.put('a', '1', { timeout: 10_000 }).catch(({ code }) => code)
  await db.close()
  expect(await put).toBe('CLOSED')
  expect(stopped).toBe(true)
})

test('await using', async () => {
  const network = new FakeNetwork()
  {
    await using db = await createEmbedded({ ports: network.ports })
    await db.put('a', '1')
  }
  expect(network.first.ports.size).toBe(0)
})

test('a member that stops because it must fails what is under way and what comes later with its code', async () => {
  const { network, db, lose, fatal } = await stoppable()
  network.first.stopped = true
  const under = db.put('a', '1')
  const watching = db.watch()[Symbol.asyncIterator]().next()
  setTimeout(() => lose('POISONED', 'the disk failed'), 5)
  await expect(under).rejects.toMatchObject({ code: 'POISONED' })
  await expect(watching).rejects.toMatchObject({ code: 'POISONED' })
  await expect(db.get('a')).rejects.toMatchObject({ code: 'POISONED', message: 'the disk failed' })
  const late = db.put('b', '1')
  await expect(late).rejects.toMatchObject({ code: 'POISONED' })
  expect(fatal).toHaveLength(1)
  await db.close()
})

test('a put of the turn in which the member dies is answered too', async () => {
  const { db, lose } = await stoppable()
  const put = db.put('a', '1')
  lose('POISONED', 'the disk failed')
  await expect(put).rejects.toMatchObject({ code: 'POISONED' })
  await db.close()
})

test('a put that the member refuses because it has stopped is told why, though that comes later', async () => {
  const { network, db, lose } = await stoppable()
  await db.put('a', '1')
  network.first.poisoned = true
  setTimeout(() => lose('POISONED', 'the disk is full'), 5)
  await expect(db.put('b', '1')).rejects.toMatchObject({ code: 'POISONED', message: 'the disk is full' })
  await db.close()
})
