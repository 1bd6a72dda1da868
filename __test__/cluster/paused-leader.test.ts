// A leader that is stopped (SIGSTOP) for 10 s and wakes up serves no stale linearizable read, though it has not heard yet
// that another leads, and no acknowledged write is lost: neither its own nor those of the new leader.
import { setTimeout as sleep } from 'node:timers/promises'
import { RafterError } from 'rafterdb'
import { expect, test } from 'vitest'
import { checkWrites } from './check-writes.js'
import { Cluster, eventually } from './harness.js'
import { readBack } from './read-back.js'
import { WriteRecord } from './record.js'
import { targetOf, targetOfMember, Writers } from './writers.js'

const PAUSE_MS = 10_000
/** Reads of each kind that wait for the leader when it wakes up. */
const READS = 50

/** What a read gives, or the code of its error. */
function outcomeOf(read: Promise<unknown>): Promise<unknown> {
  return read.catch((error: unknown) => {
    if (error instanceof RafterError) return error.code
    throw error
  })
}

test('a paused leader serves nothing stale when it wakes up', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ kinds: ['child', 'child', 'child'] })
  const record = new WriteRecord()
  const old = await cluster.leader()
  const client = await cluster.client()
  record.acknowledge(record.begin('read', 'old'), (await client.put('read', 'old')).revision)
  expect(await old.running().call('getSync', 'read')).toBe('old')
  const fromOld = new Writers({ record, target: targetOfMember(old), name: 'old', lanes: 4 })
  const fromClient = new Writers({ record, target: targetOf(client), name: 'client', lanes: 4 })
  await sleep(300)

  old.signal('SIGSTOP')
  const paused = performance.now()
  // Asked for now, answered first of all when it wakes up: what it has to hear from others comes after.
  const child = old.running()
  const reads = Array.from({ length: READS }, () => [
    outcomeOf(child.call('getSync', 'read')),
    outcomeOf(child.call('get', 'read')),
  ]).flat()
  const next = await eventually('another leader', async () => {
    const leader = await cluster.leader()
    if (leader === old) throw new Error('the paused one still counts as leader')
    return leader
  })
  expect(next).not.toBe(old)
  record.acknowledge(record.begin('read', 'new'), (await client.put('read', 'new')).revision)
  await sleep(Math.max(0, PAUSE_MS - (performance.now() - paused)))
  old.signal('SIGCONT')

  const outcomes = await Promise.all(reads)
  for (const [i, outcome] of outcomes.entries()) {
    expect(i % 2 === 0 ? ['new', 'NO_LEASE'] : ['new'], `read ${i}`).toContain(outcome)
  }
  await fromOld.stop()
  await fromClient.stop()
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  expect(checkWrites(record, await readBack(client))).toEqual([])
})
