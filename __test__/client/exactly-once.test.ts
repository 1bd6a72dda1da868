// Every acknowledged write was carried out once, whatever is lost, refused or cut off on the way.
import { expect, test } from 'vitest'
import { createEmbedded, createRemote } from '../../src/client/database/create-database.js'
import { FakeNetwork, type Fault } from './fake-member.js'
import { type FakeBatch, readBatch } from './fake-wire.js'
import { freshSeed, Random } from './random.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

const WRITE = 1
const PUTS = 400

/** Puts with faults all the while; returns how often each key was written, for each put that was acknowledged. */
async function versionsUnderFaults(seed: number, breakSessions: boolean): Promise<number[]> {
  const random = new Random(seed)
  const network = new FakeNetwork(3)
  let started = false
  const { store } = network
  const write = store.write.bind(store)
  if (breakSessions) store.write = (batch: FakeBatch) => write({ ...batch, retry: false, sequence: random.below(2 ** 40) })
  const faults: Fault[] = [
    { code: 'LEADER_LOST' },
    { code: 'NO_LEADER' },
    { code: 'BUSY' },
    { code: 'NOT_LEADER' },
    undefined,
    undefined,
    undefined,
  ]
  for (const member of network.members) {
    member.fault = ({ type, body }) => {
      if (type !== WRITE || (!started && body.length <= 32)) return undefined
      const fault = random.pick(faults)
      if (typeof fault === 'object' && fault.code === 'LEADER_LOST' && random.below(2) === 0) store.write(readBatch(body))
      if (random.below(12) === 0) setImmediate(() => member.break())
      return fault
    }
  }
  const db = await createRemote({ ports: network.ports, endpoints: network.endpoints, requestTimeout: 20_000 })
  await db.put('warm', 'up')
  started = true
  const acknowledged: string[] = []
  for (let i = 0; i < PUTS; ) {
    const turn = Array.from({ length: 1 + random.below(20) }, () => `k${i++}`)
    await Promise.all(turn.map((key) => db.put(key, key).then(() => acknowledged.push(key))))
  }
  await db.close()
  return acknowledged.map((key) => store.rows.get(key)?.length ?? 0)
}

test('each write once, under loss, refusal and broken connections', async () => {
  const seed = freshSeed()
  const versions = await versionsUnderFaults(seed, false)
  expect(versions.length, `seed ${seed}`).toBeGreaterThanOrEqual(PUTS)
  expect(
    versions.every((times) => times === 1),
    `RAFTERDB_SEED=${seed} repeats this`,
  ).toBe(true)
})

test('canary: a member that forgets its sessions is caught', async () => {
  const versions = await versionsUnderFaults(7, true)
  expect(versions.some((times) => times > 1)).toBe(true)
})

test('a resent batch has the very same bytes, but for RETRY', async () => {
  const network = new FakeNetwork()
  const member = network.first
  let lost = 0
  member.fault = ({ type, body }) => (type === WRITE && body.length > 32 && lost++ < 2 ? { code: 'LEADER_LOST' } : undefined)
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', 'value')
  const sent = member.requests.filter(({ type, body }) => type === WRITE && body.length > 32)
  expect(sent.map(({ body }) => body[24])).toEqual([0, 1, 1])
  const without = sent.map(({ id, body }) => `${id} ${Buffer.concat([body.subarray(0, 24), body.subarray(25)]).toString('hex')}`)
  expect(new Set(without).size).toBe(1)
  await db.close()
})

test('a refusal that did nothing is resent without RETRY', async () => {
  const network = new FakeNetwork()
  let refused = 0
  network.first.fault = ({ type, body }) =>
    type === WRITE && body.length > 32 && refused++ < 3 ? { code: 'NO_LEADER' } : undefined
  const db = await createEmbedded({ ports: network.ports })
  await db.put('a', 'value')
  const sent = network.first.requests.filter(({ type, body }) => type === WRITE && body.length > 32)
  expect(sent.map(({ body }) => body[24])).toEqual([0, 0, 0, 0])
  await db.close()
})
