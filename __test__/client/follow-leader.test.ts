// A remote client finds the leader, follows it, leaves it when it dies or stops answering, and says why it cannot.
import { afterEach, expect, test } from 'vitest'
import type { Database } from '../../src/client/api.js'
import { createRemote } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

const WRITE = 1
const MEMBERS = 7
let db: Database | undefined
afterEach(() => db?.close())

async function connected(network: FakeNetwork, endpoints = network.endpoints) {
  db = await createRemote({ ports: network.ports, endpoints })
  return db
}

const writers = (network: FakeNetwork) => network.members.map((member) => member.count(WRITE) > 0)

test('it goes to the leader, found from any member', async () => {
  const network = new FakeNetwork(3)
  network.leader = 3
  const client = await connected(network, [network.endpoints[0]!])
  await client.put('a', '1')
  expect(writers(network)).toEqual([false, false, true])
  expect(network.members.map(({ ports }) => ports.size)).toEqual([0, 0, 1])
})

test('a leader is talked to where it was found, whatever the members call it', async () => {
  const network = new FakeNetwork(3)
  const client = await connected(network, [network.first.socket])
  for (const value of ['1', '2', '3']) {
    await client.put('a', value)
    // Longer than the time after which a member in use is asked who leads.
    await new Promise((resolve) => setTimeout(resolve, 6_000))
  }
  expect(network.dialed).toEqual([network.first.socket])
})

test('a member that is not the leader sends it on', async () => {
  const network = new FakeNetwork(3)
  const client = await connected(network)
  await client.put('a', '1')
  for (const member of network.members) member.forwards = false
  network.leader = 2
  const start = performance.now()
  await client.put('a', '2')
  expect(performance.now() - start).toBeLessThan(2_000)
  expect(await client.get('a')).toBe('2')
  expect(writers(network)).toEqual([true, true, false])
})

test('a leader that dies is left, and what was under way is done once', async () => {
  const network = new FakeNetwork(3)
  const client = await connected(network)
  await client.put('a', '1')
  network.first.fault = () => 'mute'
  const under = [client.put('b', '1'), client.put('c', '1')]
  await new Promise((resolve) => setTimeout(resolve, 5))
  network.first.down = true
  network.leader = 2
  network.first.break()
  await Promise.all(under)
  expect(network.store.applied).toBe(3)
  expect(writers(network)).toEqual([true, true, false])
})

test('a leader that hangs and does not know that another leads is left', async () => {
  const network = new FakeNetwork(3)
  const client = await connected(network)
  await client.put('a', '1')
  // Its worker waits for the disk: it answers who the members are, and nothing that needs a leader.
  network.first.isDeposed = true
  network.first.fault = ({ type }) => (type === WRITE ? 'lose' : undefined)
  network.leader = 2
  const start = performance.now()
  await client.put('b', '1')
  expect(performance.now() - start).toBeLessThan(3500)
  expect(writers(network)[1]).toBe(true)
})

test('a leader that is stopped, its connections open, is left when another leads', async () => {
  const network = new FakeNetwork(3)
  const client = await connected(network)
  await client.put('a', '1')
  network.first.stopped = true
  network.leader = 2
  const start = performance.now()
  await client.put('b', '1')
  expect(performance.now() - start).toBeLessThan(3500)
  expect(writers(network)[1]).toBe(true)
})

test('while no member is there, calls wait, and UNREACHABLE names each endpoint and why', async () => {
  const network = new FakeNetwork(2)
  const client = await connected(network)
  await client.put('a', '1')
  for (const member of network.members) member.down = true
  network.first.break('connection reset by peer')
  const waiting = client.put('b', '1')
  await expect(client.put('c', '1', { timeout: 100 })).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringMatching(/127\.0\.0\.1:7001 \(.+\), 127\.0\.0\.1:7002 \(connection refused\)/),
  })
  for (const member of network.members) member.down = false
  await waiting
  expect(network.store.rows.has('c')).toBe(false)
})

test('connect fails only when its time is up, and then says why', async () => {
  const network = new FakeNetwork(2)
  for (const member of network.members) member.down = true
  const connecting = createRemote({ ports: network.ports, endpoints: network.endpoints, requestTimeout: 80 })
  const start = performance.now()
  await expect(connecting).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringContaining('7002 (connection refused)'),
  })
  expect(performance.now() - start).toBeGreaterThan(75)
})

test('a member that closes is left', async () => {
  const network = new FakeNetwork(2)
  const client = await connected(network)
  await client.put('a', '1')
  network.first.fault = ({ type }) => (type === WRITE ? { code: 'CLOSED' } : undefined)
  network.first.down = true
  network.leader = 2
  await client.put('b', '1')
  expect(writers(network)).toEqual([true, true])
})

test('getSync is not for remote members', async () => {
  const client = await connected(new FakeNetwork())
  expect(() => client.getSync('a')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('after a transfer the client moves to the new leader, though the old one forwards', { timeout: 15_000 }, async () => {
  const network = new FakeNetwork(3)
  const client = await connected(network)
  await client.put('a', '1')
  network.leader = 2
  const end = performance.now() + 12_000
  while (network.members[1]!.count(WRITE) === 0 && performance.now() < end) {
    await client.put('a', '2')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(writers(network)).toEqual([true, true, false])
})

/** The endpoint that is asked first stays the only one to be known while four others come, two of which stay with the fifth. */
async function replacing(isOlder: boolean) {
  const network = new FakeNetwork(5)
  for (const member of network.members) member.isOlder = isOlder
  const [first, second, third, fourth, fifth] = network.configuration.members
  network.change([first, second, third].flatMap((member) => member ?? []))
  const client = await connected(network, network.endpoints.slice(0, 1))
  await client.put('a', '0')
  await new Promise((resolve) => setTimeout(resolve, 10))
  network.change([first, fourth, fifth].flatMap((member) => member ?? []))
  return { network, client }
}

/** All that were known at first go, or more; only the fifth is left to lead. */
async function expectFound(network: FakeNetwork, client: Database, gone = 3) {
  network.leader = 5
  for (const member of network.members.slice(0, gone)) {
    member.down = true
    member.break()
  }
  await client.put('a', '2')
  expect(network.members[4]?.count(WRITE)).toBeGreaterThan(0)
}

test('who the members are is heard as soon as they are others, without asking again and again', async () => {
  const { network, client } = await replacing(false)
  await new Promise((resolve) => setTimeout(resolve, 10))
  const asked = network.first.count(MEMBERS)
  // Once to find it, once for what it knows, and then for each news.
  expect(asked).toBe(4)
  for (let minute = 0; minute < 5; minute++) await new Promise((resolve) => setTimeout(resolve, 60_000))
  expect(network.first.count(MEMBERS)).toBe(asked)
  await expectFound(network, client)
})

test('a client that has gone over to another member hears it from that one', async () => {
  const { network, client } = await replacing(false)
  network.leader = 4
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  await client.put('a', '1')
  expect(network.members[3]!.count(WRITE)).toBe(1)
  const [, second, third] = network.configuration.members
  network.change([second, third].flatMap((member) => member ?? []))
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(network.members[3]!.count(MEMBERS)).toBeGreaterThan(2)
  await expectFound(network, client, 4)
})

test.each([
  ['in use', 8_000, true],
  ['idle', 70_000, false],
])('of a member that does not tell by itself it is asked now and then (%s)', async (_how, pause, isUsed) => {
  const { network, client } = await replacing(true)
  const asked = network.first.count(MEMBERS)
  for (let passed = 0; passed < pause; passed += 1_000) {
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    if (isUsed) await client.put('a', '1')
  }
  expect(network.first.count(MEMBERS) - asked).toBeLessThan(12)
  await expectFound(network, client)
})

test('a configuration that was cut off the log does not hide the one that came in its place', async () => {
  const network = new FakeNetwork(4)
  const [first, second, third, fourth] = network.configuration.members
  network.configuration = { index: 20, configurationTerm: 1, members: [first, second].flatMap((member) => member ?? []) }
  const client = await connected(network, network.endpoints.slice(0, 1))
  await client.put('a', '0')
  network.configuration = { index: 15, configurationTerm: 2, members: [third, fourth].flatMap((member) => member ?? []) }
  network.tellNews()
  await new Promise((resolve) => setTimeout(resolve, 10))
  network.leader = 4
  for (const member of network.members.slice(0, 3)) {
    member.down = true
    member.break()
  }
  await client.put('a', '1')
  expect(network.members[3]!.count(WRITE)).toBe(1)
})

test('a member that is behind does not have the client forget who the members are', async () => {
  const network = new FakeNetwork(4)
  const [first, second, third, fourth] = network.configuration.members
  const founders = [first, second, third].flatMap((member) => member ?? [])
  network.configuration.members = founders
  const client = await connected(network, network.endpoints.slice(0, 1))
  await client.put('a', '0')
  network.change([third, fourth].flatMap((member) => member ?? []))
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  await client.put('a', '1')
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  // It was started again, names the leader already, and has read no entry yet.
  network.members[2]!.behind = { index: 0, members: founders }
  network.leader = 3
  for (const member of network.members.slice(0, 2)) {
    member.down = true
    member.break()
  }
  await client.put('a', '2')
  expect(network.members[2]!.count(WRITE)).toBe(1)
  network.leader = 4
  network.members[2]!.down = true
  network.members[2]!.break()
  await client.put('a', '3')
  expect(network.members[3]!.count(WRITE)).toBe(1)
})
