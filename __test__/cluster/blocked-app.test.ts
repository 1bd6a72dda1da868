// The app's own thread is busy for 10 s in the leader's process: no election, and the others' calls go on through that leader.
import { expect, test } from 'vitest'
import { Cluster } from './harness.js'
import { WriteRecord } from './record.js'
import { targetOf, targetOfMember, Writers } from './writers.js'

const BLOCK_MS = 10_000

test('a leader whose app blocks its thread goes on leading', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ kinds: ['child', 'child', 'child'] })
  const leader = await cluster.leader()
  const other = cluster.members.find((member) => member !== leader) ?? leader
  const client = await cluster.client()
  const terms = async () => (await cluster.status()).map(({ name, role, term }) => ({ name, role, term }))
  const before = await terms()

  const records = [new WriteRecord(), new WriteRecord()] as const
  const writers = [
    new Writers({ record: records[0], target: targetOf(client), name: 'client', lanes: 4 }),
    new Writers({ record: records[1], target: targetOfMember(other), name: 'member', lanes: 4 }),
  ]
  const isBlocked = { now: true }
  const block = leader
    .running()
    .ask('block', BLOCK_MS)
    .finally(() => {
      isBlocked.now = false
    })
  let read = 0
  while (isBlocked.now) {
    await client.get('key/client/00000001')
    read++
  }
  await block
  const acknowledged = records.map((record) => record.acknowledged)
  await Promise.all(writers.map((writer) => writer.stop()))

  expect(await terms()).toEqual(before)
  // Anything that waited for the thread would have stood still: far fewer than these would be done.
  expect(Math.min(read, ...acknowledged)).toBeGreaterThan(100)
})
