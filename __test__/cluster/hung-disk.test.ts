// A leader whose disk hangs does not keep the cluster: within a few election timeouts another member leads and writes are
// acknowledged. When its disk goes on it follows, and nothing that was acknowledged is lost. One place of the disk a case.
import { afterEach, expect, test } from 'vitest'
import { checkWrites } from './check-writes.js'
import { Freezer } from './freezer.js'
import { eventually, type Member } from './harness.js'
import { readBack } from './read-back.js'
import { WriteRecord } from './record.js'
import { targetOf, Writers } from './writers.js'

/** Election timeouts are a second by default: a leader that cannot write is to be replaced within a few. */
const REPLACED_WITHIN_MS = 15_000

let freezer: Freezer | null = null
afterEach(() => freezer?.thaw())

// One at a time are written by the worker itself, which then hangs too, and does not know that another leads.
test.for([
  ['wal.write', 8],
  ['wal.sync', 8],
  ['wal.sync', 1],
  ['member.apply', 8],
] as const)('a leader that hangs at %s, with %i writes at a time, is replaced', { timeout: 180_000 }, async ([point, lanes]) => {
  const frozen = await Freezer.of(point)
  freezer = frozen.freezer
  await using cluster = frozen.cluster
  const record = new WriteRecord()
  const before = await cluster.leader()
  // The leader is asked first who leads.
  cluster.members.sort((a, b) => Number(b === before) - Number(a === before))
  const client = await cluster.client()
  const writers = new Writers({ record, target: targetOf(client), name: 'client', lanes })
  await eventually('writes before', async () => expect(record.acknowledged).toBeGreaterThan(50))

  const others = cluster.members.filter((member) => member !== before)
  freezer.freeze(before)
  const began = performance.now()
  await eventually(
    'another leader',
    async () => {
      const statuses = await cluster.status()
      const leader = statuses.find(({ name, role }) => role === 'leader' && name !== before.name)
      const follows = statuses.filter(
        ({ name, leader: of }) => others.some((other) => other.name === name) && of === leader?.name,
      )
      if (leader === undefined || follows.length < 2) throw new Error(JSON.stringify(statuses))
    },
    REPLACED_WITHIN_MS,
  )
  const soFar = record.acknowledged
  await eventually('writes go on', async () => expect(record.acknowledged).toBeGreaterThan(soFar + 20), REPLACED_WITHIN_MS)
  console.log(`${point}: replaced and writing after ${Math.round(performance.now() - began)} ms`)
  // Clients hear of the other leader sooner than the member says what holds it up.
  await eventually('the hang to be told', async () => expect(before.log).toMatch(/has taken .* so far: the disk hangs/))

  freezer.thaw()
  await writers.stop()
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  await eventually('the end of it to be told', async () => expect(before.log).toMatch(/is done; it took/))
  expect(checkWrites(record, await readBack(await cluster.client()))).toEqual([])
})

test('a member whose disk hangs ends when it is asked to', { timeout: 120_000 }, async () => {
  const frozen = await Freezer.of('wal.write')
  freezer = frozen.freezer
  await using cluster = frozen.cluster
  const client = await cluster.client()
  const leader = await cluster.leader()
  const follower = cluster.members.find((member) => member !== leader) as Member
  freezer.freeze(follower)
  await client.put('k', 'v')
  const began = performance.now()
  await follower.stop()
  expect(performance.now() - began).toBeLessThan(60_000)
  expect(follower.log).toMatch(/closing was given up|could not be closed/)
})
