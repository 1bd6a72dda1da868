// A database keeps the process alive while somebody waits for it, or as long as it is told to; close waits for as much.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Database, Watch } from '../../src/client/api.js'
import { createEmbedded, createRemote } from '../../src/client/database/create-database.js'
import { type FakeMember, FakeNetwork } from './fake-member.js'

const MEMBERS = 7

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

test('a database that is told to holds the process until it is let go, closed, or its member has stopped', async () => {
  const network = new FakeNetwork()
  let lose: Parameters<typeof network.ports>[2] = () => {}
  const ports: typeof network.ports = (endpoint, notify, lost) => {
    lose = lost
    return network.ports(endpoint, notify, lost)
  }
  const db = await createEmbedded({ ports, hold: true })
  expect(holding()).toBe(1)
  await db.put('a', '1')
  await nextTurn()
  expect(holding()).toBe(1)
  expect(db.unref()).toBe(db)
  expect(holding()).toBe(0)
  expect(db.ref().ref()).toBe(db)
  expect(holding()).toBe(1)
  await db.close()
  expect(holding()).toBe(0)
  db.ref()
  expect(holding()).toBe(0)
  const other = await createEmbedded({ ports, hold: true })
  lose('POISONED', 'the disk is broken')
  expect(holding()).toBe(0)
  await other.close()
})

/** How the members are when they are of no use: nobody is there, or nobody answers. */
const deaths: Record<string, (network: FakeNetwork) => void> = {
  gone: (network) => {
    for (const member of network.members) {
      member.down = true
      member.break()
    }
  },
  silent: (network) => {
    for (const member of network.members) member.stopped = true
  },
}

/** A client whose members have just died. */
async function orphan(how: string): Promise<Database> {
  const network = new FakeNetwork(3)
  const db = await createRemote({ ports: network.ports, endpoints: network.endpoints, requestTimeout: 10_000 })
  await db.put('a', '1')
  await nextTurn()
  deaths[how]?.(network)
  return db
}

/** Turns after which a request is under way, or waits for a connection. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await nextTurn()
}

/** Far below the time of any call. */
const SOON_MS = 1_000

async function expectClosedSoon(db: Database): Promise<void> {
  const began = performance.now()
  await db.close()
  expect(performance.now() - began).toBeLessThan(SOON_MS)
  expect(holding()).toBe(0)
}

test.each(Object.keys(deaths))(
  'members that are %s: a watch nobody waits for holds neither the process nor close',
  async (how) => {
    const db = await orphan(how)
    for (const pause of [async () => {}, nextTurn, settle]) {
      const watches: Watch[] = []
      for (let n = 0; n < 3; n++) {
        watches.push(db.watch())
        await pause()
      }
      expect(holding()).toBe(0)
      await watches[1]?.[Symbol.asyncDispose]()
      expect(holding()).toBe(0)
      const started = watches[0]?.started().catch(({ code }) => code)
      const next = watches[2]?.[Symbol.asyncIterator]().next()
      expect(holding()).toBe(1)
      await watches[0]?.[Symbol.asyncDispose]()
      await watches[2]?.[Symbol.asyncDispose]()
      expect(await started).toBe('CLOSED')
      expect(await next).toEqual({ value: undefined, done: true })
      expect(holding()).toBe(0)
    }
    db.watch()
    await expectClosedSoon(db)
  },
)

const calls: Record<string, (db: Database, signal: AbortSignal) => Promise<unknown>> = {
  put: (db, signal) => db.put('b', '1', { signal }),
  get: (db, signal) => db.get('a', { signal }),
  delete: (db, signal) => db.delete('a', { signal }),
  txn: (db, signal) => db.txn().commit({ signal }),
  count: (db, signal) => db.count({}, { signal }),
  range: (db, signal) => db.range({ signal })[Symbol.asyncIterator]().next(),
  status: (db, signal) => db.status({ signal }),
  members: (db, signal) => db.members({ signal }),
  'members.remove': (db, signal) => db.members.remove('n2', { signal }),
  transferLeader: (db, signal) => db.transferLeader('m2', { signal }),
  compact: (db, signal) => db.compact(1, { signal }),
  'a write behind a watch': (db, signal) => {
    db.watch({ signal })
    return db.put('b', '1', { signal })
  },
}
const cases = Object.keys(deaths).flatMap((how) => Object.keys(calls).map((name) => ({ how, name })))

test.each(cases)(
  'members that are $how: $name holds the process until it is given up, and close no longer',
  async ({ how, name }) => {
    const db = await orphan(how)
    for (const pause of [async () => {}, nextTurn, settle]) {
      const controller = new AbortController()
      const outcome = calls[name]?.(db, controller.signal).catch(({ code }) => code)
      await pause()
      if (pause === settle) expect(holding()).toBe(1)
      controller.abort()
      expect(await outcome).toBe('ABORTED')
      await nextTurn()
      expect(holding()).toBe(0)
    }
    await expectClosedSoon(db)
  },
)

test('a question that waits for other members holds nothing, nor does whoever listens for them', async () => {
  const network = new FakeNetwork(3)
  const db = await createRemote({ ports: network.ports, endpoints: network.endpoints })
  db.on('members', () => {})
  await db.put('a', '1')
  const asked = () => network.first.requests.filter(({ type }) => type === MEMBERS).length
  // To find it, for what it knows, and for what it will know.
  while (asked() < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(holding()).toBe(0)
  deaths['silent']?.(network)
  await nextTurn()
  expect(holding()).toBe(0)
  await expectClosedSoon(db)
})
