// A database keeps the process alive while somebody waits for it, and only then.
import { expect, test } from 'vitest'
import { createEmbedded } from '../../src/client/create.js'
import { FakeNetwork } from './fake-member.js'

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

test('an idle database holds nothing, a pending call and a pending event do', async () => {
  const network = new FakeNetwork()
  const before = timers()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', '1')
  await new Promise((resolve) => setImmediate(resolve))
  expect(timers()).toBe(before)
  network.first.stopped = true
  const pending = db.put('b', '1', { timeout: 50 }).catch(() => {})
  await new Promise((resolve) => setImmediate(resolve))
  expect(timers()).toBeGreaterThan(before)
  await pending
  expect(timers()).toBe(before)
  network.first.stopped = false
  const watch = db.watch()
  expect(timers()).toBe(before)
  const started = watch.started()
  expect(timers()).toBeGreaterThan(before)
  await started
  await new Promise((resolve) => setImmediate(resolve))
  expect(timers()).toBe(before)
  const next = watch[Symbol.asyncIterator]().next()
  expect(timers()).toBeGreaterThan(before)
  await db.put('c', '1')
  await next
  await new Promise((resolve) => setImmediate(resolve))
  expect(timers()).toBe(before)
  await db.close()
  expect(timers()).toBe(before)
})
