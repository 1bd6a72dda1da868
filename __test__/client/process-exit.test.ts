// A database keeps the process alive while somebody waits for it, and only then.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createEmbedded } from '../../src/client/create.js'
import { type FakeMember, FakeNetwork } from './fake-member.js'

/** Timers that were set in the test; those of the test runner are not among them. */
let set: NodeJS.Timeout[] = []

beforeEach(() => {
  set = []
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const real = globalThis[name] as (...parameters: unknown[]) => NodeJS.Timeout
    const noting = (...parameters: unknown[]) => {
      const timer = real(...parameters)
      set.push(timer)
      return timer
    }
    vi.spyOn(globalThis, name).mockImplementation(noting as never)
  }
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** How many of them keep the process alive. A timer that has fired or was cleared is destroyed. */
const holding = () => set.filter((timer) => timer.hasRef() && !(timer as unknown as { _destroyed: boolean })._destroyed).length
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

test('canary: a timer is seen until it is let go, cleared or fired', async () => {
  const timers = [setInterval(() => {}, 1_000), setTimeout(() => {}, 1_000)]
  await new Promise((resolve) => setTimeout(resolve, 1))
  expect(holding()).toBe(2)
  timers[0]?.unref()
  clearTimeout(timers[1])
  expect(holding()).toBe(0)
})

test('an idle database holds nothing, a pending call and a pending event do', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', '1')
  await nextTurn()
  expect(holding()).toBe(0)
  network.first.stopped = true
  const pending = db.put('b', '1', { timeout: 50 }).catch(() => {})
  await nextTurn()
  expect(holding()).toBeGreaterThan(0)
  await pending
  expect(holding()).toBe(0)
  network.first.stopped = false
  const watch = db.watch()
  expect(holding()).toBe(0)
  const started = watch.started()
  expect(holding()).toBeGreaterThan(0)
  await started
  await nextTurn()
  expect(holding()).toBe(0)
  const next = watch[Symbol.asyncIterator]().next()
  expect(holding()).toBeGreaterThan(0)
  await db.put('c', '1')
  await next
  await nextTurn()
  expect(holding()).toBe(0)
  await db.close()
  expect(holding()).toBe(0)
})

test('a question to another member keeps the process alive: nothing else does while only that one has not answered', async () => {
  const network = new FakeNetwork(2)
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', '1')
  ;(network.members[1] as FakeMember).stopped = true
  const pending = db.status({ timeout: 100 })
  for (let turn = 0; turn < 10; turn++) await nextTurn()
  expect(holding()).toBeGreaterThan(0)
  expect((await pending).map(({ role }) => role)).toContain('unreachable')
  expect(holding()).toBe(0)
  await db.close()
})
