// Goal: a follower that has nearly all comes back with what it lacks alone, whoever dies while that is sent or put together; one whose
// increment could not be made a store is sent all.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { checkWrites } from './check-writes.js'
import { Cluster, eventually, type Member } from './harness.js'
import { readBack } from './read-back.js'
import { WriteRecord } from './record.js'

/** A memtable of some 6 MiB is flushed, and nearly all of the log goes then. */
const SMALL = { memory: 32 << 20, logRetainBytes: 0, electionTimeout: 1_000 }
const HELD_MS = 11 * SMALL.electionTimeout
const VALUE_BYTES = 80_000
/** Values that all have, and those that the follower misses: of several memtables. */
const HAD = 600
const MISSED = 150
const IN_FLIGHT = 10

/** A value that compresses to no less. */
function noise(seed: number): string {
  let state = seed + 1
  const next = () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    return String.fromCharCode(33 + ((state >>> 8) % 94))
  }
  return Array.from({ length: VALUE_BYTES }, next).join('')
}

async function write(cluster: Cluster, record: WriteRecord, name: string, count: number): Promise<void> {
  const client = await cluster.client()
  for (let i = 0; i < count; i += IN_FLIGHT) {
    const burst = Array.from({ length: IN_FLIGHT }, async (_, lane) => {
      const attempt = record.begin(`${name}/${i + lane}`, noise(i + lane))
      record.acknowledge(attempt, (await client.put(attempt.key, attempt.value)).revision)
    })
    await Promise.all(burst)
  }
}

/** Three members with much in them, of which one was away for longer than the log is kept. */
async function behind(): Promise<{ cluster: Cluster; record: WriteRecord; leader: Member; follower: Member }> {
  const cluster = await Cluster.start({ options: SMALL })
  const record = new WriteRecord()
  const leader = await cluster.leader()
  const follower = cluster.members.find((member) => member !== leader) as Member
  await write(cluster, record, 'had', HAD)
  await cluster.settled()
  await follower.stop()
  await sleep(HELD_MS)
  await write(cluster, record, 'missed', MISSED)
  return { cluster, record, leader, follower }
}

async function expectWhole(cluster: Cluster, record: WriteRecord): Promise<void> {
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  expect(checkWrites(record, await readBack(await cluster.client()))).toEqual([])
}

/** Bytes of each snapshot that the members say they have sent. */
function sent(cluster: Cluster, what: 'above revision' | 'all of it'): number[] {
  const lines = cluster.members.flatMap(({ log }) => [
    ...log.matchAll(/snapshot of group 0 to member \d+ is sent: (\d+) bytes, (above revision|all of it)/g),
  ])
  return lines.filter(([, , is]) => is === what).map(([, bytes]) => Number(bytes))
}

async function caughtUp(cluster: Cluster, follower: Member): Promise<void> {
  await eventually('the snapshot to be installed', async () => expect(follower.installed).toBeGreaterThan(0))
  await eventually('its sender to hear of it', async () =>
    expect(sent(cluster, 'above revision').length + sent(cluster, 'all of it').length).toBeGreaterThan(0),
  )
}

test('a follower that has nearly all is sent what it lacks', { timeout: 240_000 }, async () => {
  const { cluster, record, follower } = await behind()
  await using _ = cluster
  await follower.start()
  await caughtUp(cluster, follower)
  expect(sent(cluster, 'all of it')).toEqual([])
  // History is in it too: each value twice at most.
  expect(Math.max(...sent(cluster, 'above revision'))).toBeLessThan(2.2 * MISSED * VALUE_BYTES)
  await expectWhole(cluster, record)
})

test.for(['member.snapshot.base', 'store.install.base'])(
  'one that dies at %s comes back',
  { timeout: 240_000 },
  async (point) => {
    const { cluster, record, follower } = await behind()
    await using _ = cluster
    await follower.start({ RAFTERDB_FAULTS: `${point}=abort` })
    expect(await Promise.race([follower.gone(), sleep(30_000, 'alive', { ref: false })]), 'it dies there').toBeNull()
    expect(follower.installed).toBe(0)
    await follower.start()
    await caughtUp(cluster, follower)
    expect(sent(cluster, 'all of it'), 'it offers again what it has').toEqual([])
    await expectWhole(cluster, record)
  },
)

test('one that cannot read what it has is sent all', { timeout: 240_000 }, async () => {
  const { cluster, record, follower } = await behind()
  await using _ = cluster
  await follower.start({ RAFTERDB_FAULTS: 'store.install.base=error' })
  await caughtUp(cluster, follower)
  expect(sent(cluster, 'above revision')).toEqual([])
  expect(sent(cluster, 'all of it').length).toBe(1)
  await expectWhole(cluster, record)
})

test('a leader that dies before it sends an increment is followed by another', { timeout: 240_000 }, async () => {
  const { cluster, record, leader, follower } = await behind()
  await using _ = cluster
  // With the fault armed it has to lead again.
  await leader.stop()
  await leader.start({ RAFTERDB_FAULTS: 'member.snapshot.above=abort' })
  const client = await cluster.client()
  await eventually('the armed one to lead', async () => {
    if ((await cluster.leader()) !== leader) await client.transferLeader(leader.name)
    expect(await cluster.leader()).toBe(leader)
  })
  await follower.start()
  expect(await Promise.race([leader.gone(), sleep(30_000, 'alive', { ref: false })]), 'it dies there').toBeNull()
  await leader.start()
  await caughtUp(cluster, follower)
  await expectWhole(cluster, record)
})
