// A signal ends its call at once and nothing else.
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

test('an aborted signal: nothing is sent', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await expect(db.put('a', '1', { signal: AbortSignal.abort('because') })).rejects.toMatchObject({
    code: 'ABORTED',
    cause: 'because',
  })
  expect(network.first.requests).toHaveLength(0)
  await db.close()
})

test('aborting one call of a batch leaves the others', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('warm', 'up')
  network.first.delay = 20
  const controller = new AbortController()
  const aborted = db.put('a', '1', { signal: controller.signal })
  const other = db.put('b', '2')
  setTimeout(() => controller.abort(new Error('enough')), 5)
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', cause: new Error('enough') })
  expect(await other).toEqual({ revision: 3 })
  await db.close()
})

test('a call that waits to be sent and is aborted is never sent', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  network.first.fault = () => ({ code: 'NO_LEADER' })
  const controller = new AbortController()
  const aborted = db.put('a', '1', { signal: controller.signal })
  setTimeout(() => controller.abort(), 20)
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
  network.first.fault = () => undefined
  await db.put('b', '2')
  expect(network.store.rows.has('a')).toBe(false)
  await db.close()
})

test('calls share one listener on their signal, which goes with the last of them', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  const { signal } = new AbortController()
  const calls = Array.from({ length: 50 }, () => db.get('k', { signal }))
  const most = getEventListeners(signal, 'abort').length
  await Promise.all(calls)
  expect(most).toBe(1)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  await db.close()
})

test('watches share one listener on their signal, of however many databases, and end with it', async () => {
  const databases = [
    await createEmbedded({ ports: new FakeNetwork().ports }),
    await createEmbedded({ ports: new FakeNetwork().ports }),
  ]
  const controller = new AbortController()
  const { signal } = controller
  const watches = databases.flatMap((db) => Array.from({ length: 250 }, () => db.watch({ signal })))
  await Promise.all(watches.map((watch) => watch.started()))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  await watches[0]?.[Symbol.asyncDispose]()
  const nexts = watches.map((watch) =>
    watch[Symbol.asyncIterator]()
      .next()
      .catch(({ code }) => code),
  )
  controller.abort()
  const outcomes = await Promise.all(nexts)
  expect(outcomes.filter((outcome) => outcome === 'ABORTED')).toHaveLength(499)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  for (const db of databases) await db.close()
})
