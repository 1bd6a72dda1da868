// Goal: a snapshot whose connection breaks goes on with another one where it was, with no more than the window sent again; whoever
// dies while that is agreed on, the follower has all that the others have in the end.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { limits } from '../../src/limits.js'
import { Links } from '../chaos/links.js'
import { checkWrites } from './check-writes.js'
import { Cluster, eventually, type Member } from './harness.js'
import { readBack } from './read-back.js'
import { WriteRecord } from './record.js'

/**
 * A memtable of some 6 MiB is flushed, and nearly all of the log goes then; a snapshot takes some seconds. A link that is broken for a
 * moment moves no leadership.
 */
const SMALL = { memory: 32 << 20, logRetainBytes: 0, electionTimeout: 1_000, snapshotBytesPerSecond: 8 << 20 }
const HELD_MS = 11 * SMALL.electionTimeout
const VALUE_BYTES = 100_000
const VALUES = 400
const IN_FLIGHT = 10
const BROKEN_MS = 100

/** Bytes that members say they have sent again, each time. */
function sentAgain(cluster: Cluster): number[] {
  const lines = cluster.members.flatMap(({ log }) => [...log.matchAll(/goes on at byte \d+; (\d+) bytes are sent again/g)])
  return lines.map(([, bytes]) => Number(bytes))
}

/** A value that compresses to no less. */
function noise(seed: number): string {
  let state = seed + 1
  const next = () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    return String.fromCharCode(33 + ((state >>> 8) % 94))
  }
  return Array.from({ length: VALUE_BYTES }, next).join('')
}

/** Three members with much in them, of which one was away for longer than the log is kept. */
async function behind(links: Links): Promise<{ cluster: Cluster; record: WriteRecord; follower: Member }> {
  const cluster = await Cluster.start({ options: SMALL, route: links.route })
  const record = new WriteRecord()
  const client = await cluster.client()
  const leader = await cluster.leader()
  const follower = cluster.members.find((member) => member !== leader) as Member
  await follower.kill()
  await sleep(HELD_MS)
  for (let i = 0; i < VALUES; i += IN_FLIGHT) {
    const burst = Array.from({ length: IN_FLIGHT }, async (_, lane) => {
      const attempt = record.begin(`large/${i + lane}`, noise(i + lane))
      record.acknowledge(attempt, (await client.put(attempt.key, attempt.value)).revision)
    })
    await Promise.all(burst)
  }
  return { cluster, record, follower }
}

/** Breaks the links of the member for a moment, as long as a snapshot is on its way. */
async function breakOnce(links: Links, member: Member): Promise<void> {
  for (const link of links.around([member.name])) link.set('broken')
  await sleep(BROKEN_MS)
  links.heal()
}

async function expectWhole(cluster: Cluster, record: WriteRecord): Promise<void> {
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  expect(checkWrites(record, await readBack(await cluster.client()))).toEqual([])
}

test('a snapshot goes on after each broken connection', { timeout: 240_000 }, async () => {
  using links = new Links()
  const { cluster, record, follower } = await behind(links)
  await using _ = cluster
  await follower.start()
  for (let broken = 0; broken < 3; broken++) {
    await sleep(1_000)
    await breakOnce(links, follower)
    await eventually('the snapshot to go on', async () => expect(sentAgain(cluster).length).toBeGreaterThan(broken))
  }
  await expectWhole(cluster, record)
  expect(follower.installed, 'one snapshot was enough').toBe(1)
  expect(Math.max(...sentAgain(cluster))).toBeLessThanOrEqual(limits.snapshotWindowBytesMax)
})

test.for([
  ['the one that sends', 'member.snapshot.resume'],
  ['the one that receives', 'member.snapshot.resumed'],
] as const)('%s dies when it is asked where to go on', { timeout: 240_000 }, async ([, point]) => {
  using links = new Links()
  const { cluster, record, follower } = await behind(links)
  await using _ = cluster
  const leader = await cluster.leader()
  const doomed = point === 'member.snapshot.resumed' ? follower : leader
  if (doomed === leader) {
    // With the fault armed it has to lead again.
    await leader.stop()
    await leader.start({ RAFTERDB_FAULTS: `${point}=abort` })
    const client = await cluster.client()
    await eventually('the armed one to lead', async () => {
      if ((await cluster.leader()) !== leader) await client.transferLeader(leader.name)
      expect(await cluster.leader()).toBe(leader)
    })
    await follower.start()
  } else await follower.start({ RAFTERDB_FAULTS: `${point}=abort` })
  await sleep(1_000)
  await breakOnce(links, follower)
  expect(await Promise.race([doomed.gone(), sleep(30_000, 'alive', { ref: false })]), 'it dies there').toBeNull()
  await doomed.start()
  await expectWhole(cluster, record)
  expect(follower.installed).toBe(1)
})
