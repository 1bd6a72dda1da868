// A follower that needs a snapshot while writes do not stop, and while the leader keeps little of its log: it has the snapshot
// once, goes on from the log after it, and is where the others are. Also when installing takes it long.
import { expect, test } from 'vitest'
import { checkWrites } from './check-writes.js'
import { Cluster, eventually, type Member } from './harness.js'
import { readBack } from './read-back.js'
import { WriteRecord } from './record.js'
import { targetOf, Writers } from './writers.js'

/** A memtable of some 6 MiB is flushed every few seconds, and nearly all of the log goes then. */
const SMALL = { memory: 32 << 20, logRetainBytes: 64 << 10 }
/** With two lanes at most some 4 MB a second: less than what the log may hold for a follower while that installs. */
const FILLING = 'x'.repeat(8_000)
const LANES = 2
const CAUGHT_UP_WITHIN_MS = 40_000
/** How far behind a follower that replicates may be seen, entries. */
const NEAR = 200

async function expectCatchesUp(cluster: Cluster, follower: Member): Promise<void> {
  await eventually(
    `${follower.name} to replicate`,
    async () => {
      const statuses = await cluster.status()
      const leader = statuses.find(({ role }) => role === 'leader')
      const status = statuses.find(({ name }) => name === follower.name)
      const behind = (leader?.applied ?? Number.POSITIVE_INFINITY) - (status?.applied ?? 0)
      if (behind > NEAR) throw new Error(`${behind} entries behind, ${follower.installed} snapshots installed\n${follower.log}`)
    },
    CAUGHT_UP_WITHIN_MS,
  )
}

test.for([
  ['at once', ''],
  ['in three seconds', 'member.snapshot.install=delay:3000@1+'],
  ['after its disk took eight seconds to sync what came', 'member.snapshot.received=delay:8000@1+'],
])('a follower that installs %s catches up under steady writes', { timeout: 180_000 }, async ([, faults = '']) => {
  await using cluster = await Cluster.start({ options: SMALL })
  const record = new WriteRecord()
  const client = await cluster.client()
  const leader = await cluster.leader()
  const follower = cluster.members.find((member) => member !== leader) as Member
  await follower.kill()
  const writers = new Writers({ record, target: targetOf(client), name: 'client', lanes: LANES, filling: FILLING })
  await eventually('the log to be cut', async () => expect(record.acknowledged).toBeGreaterThan(1_500))

  await follower.start(faults === '' ? {} : { RAFTERDB_FAULTS: faults })
  await expectCatchesUp(cluster, follower)
  expect(follower.installed).toBe(1)

  await writers.stop()
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  expect(checkWrites(record, await readBack(await cluster.client()))).toEqual([])
})
