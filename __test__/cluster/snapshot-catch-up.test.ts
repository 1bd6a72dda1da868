// A follower that was away until the log was cut catches up by snapshot while writes go on, also if it is killed at any
// moment of receiving and installing. In the end it has all that the others have, and leads with it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from 'rafterdb'
import { expect, test } from 'vitest'
import { Random } from '../client/random.js'
import { checkWrites } from './check-writes.js'
import { Cluster, eventually, type Member } from './harness.js'
import { readBack } from './read-back.js'
import { WriteRecord } from './record.js'
import { targetOf, Writers } from './writers.js'

const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
/** A memtable of some 6 MiB is flushed, and nearly all of the log goes then. */
const SMALL = { memory: 32 << 20, logRetainBytes: 256 << 10, electionTimeout: 500 }
/** A follower that was being restored may be silent for ten election timeouts before the log it needs goes. */
const HELD_MS = 11 * SMALL.electionTimeout
const VALUE_BYTES = 80_000
/** Values of several memtables. */
const WRITES_TO_FALL_BEHIND = 200
const IN_FLIGHT = 10
/** Where the follower is killed before the received state has become its store: it needs a snapshot again. */
const BEFORE_SWITCH = [
  'member.snapshot.write',
  'member.snapshot.received',
  'member.snapshot.install',
  'member.snapshot.checked',
  'store.install.built',
  'store.install.switch',
]
/** Where it is killed when the received state is its store. */
const AFTER_SWITCH = ['store.install.switched', 'member.snapshot.restore']

/** Writes several memtables, so that the log is cut above what a member that is away has. */
async function fallBehind(record: WriteRecord, client: Database): Promise<void> {
  await sleep(HELD_MS)
  const run = record.attempts.length
  for (let i = 0; i < WRITES_TO_FALL_BEHIND; i += IN_FLIGHT) {
    const burst = Array.from({ length: IN_FLIGHT }, async (_, lane) => {
      const attempt = record.begin(`large/${run}/${i + lane}`, 'x'.repeat(VALUE_BYTES))
      record.acknowledge(attempt, (await client.put(attempt.key, attempt.value)).revision)
    })
    await Promise.all(burst)
  }
}

/** Starts the member with a fault armed, and waits until it has died of it. */
async function dieAt(cluster: Cluster, member: Member, point: string): Promise<void> {
  await member.start({ RAFTERDB_FAULTS: `${point}=abort` })
  const ended = await Promise.race([member.gone().then(() => true), sleep(30_000, false, { ref: false })])
  if (!ended) throw new Error(`${member.name} did not come to ${point}\n${cluster.members.map(({ log }) => log).join('')}`)
}

/** Waits until the member is where the others are, though they go on. */
async function catchUp(cluster: Cluster, member: Member): Promise<void> {
  const target = Math.max(...(await cluster.status()).map(({ committed }) => committed))
  await eventually(`${member.name} to catch up with ${target}`, async () => {
    const status = (await cluster.status()).find(({ name }) => name === member.name)
    if (status === undefined || status.applied < target) throw new Error(`at ${status?.applied}`)
  })
}

test(`a follower that was away catches up by snapshot, seed ${SEED}`, { timeout: 240_000 }, async () => {
  const random = new Random(SEED)
  await using cluster = await Cluster.start({ options: SMALL })
  const record = new WriteRecord()
  const client = await cluster.client()
  const leader = await cluster.leader()
  const follower = random.pick(cluster.members.filter((member) => member !== leader))
  await follower.kill()
  expect(follower.installed).toBe(0)
  const writers = new Writers({ record, target: targetOf(client), name: 'client', lanes: 4 })

  await fallBehind(record, client)
  for (const point of BEFORE_SWITCH) {
    await dieAt(cluster, follower, point)
    expect(follower.installed, point).toBe(0)
  }
  for (let i = 0; i < 3; i++) {
    await follower.start()
    await sleep(200 + random.below(1_000))
    await follower.kill()
  }
  for (const point of AFTER_SWITCH) {
    await fallBehind(record, client)
    const before = follower.installed
    await dieAt(cluster, follower, point)
    expect(follower.installed, point).toBeGreaterThan(before)
  }
  await fallBehind(record, client)
  const before = follower.installed
  await follower.start()
  await catchUp(cluster, follower)
  expect(follower.installed).toBeGreaterThan(before)

  await writers.stop()
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  await client.transferLeader(follower.name)
  expect(await cluster.leader()).toBe(follower)
  expect(checkWrites(record, await readBack(await cluster.client()))).toEqual([])
})
