// Goal: a leader whose store hangs at its disk, while its log goes on, is replaced once it cannot apply any more: when its memory
// is full, or history waits to be written. No write is lost, and when its disk goes on it catches up.
import { afterEach, expect, test } from 'vitest'
import { Freezer } from './freezer.js'
import { eventually } from './harness.js'

const VALUE = 'v'.repeat(128 << 10)
/** As much as the memory of two members, of 32 MiB each, at once so much. */
const WRITES = 512
const LANES = 8

let freezer: Freezer | null = null
afterEach(() => freezer?.thaw())

test.for(['store.flush.start', 'store.history.write'])(
  'a leader that hangs at %s is replaced',
  { timeout: 300_000 },
  async (point) => {
    const frozen = await Freezer.of(point)
    freezer = frozen.freezer
    await using cluster = frozen.cluster
    const client = await cluster.client(120_000)
    const before = await cluster.leader()
    freezer.freeze(before)
    let next = 0
    const lane = async () => {
      for (let n = next++; n < WRITES; n = next++) await client.put(`key/${n}`, VALUE)
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    const others = (await cluster.status()).filter(({ name }) => name !== before.name)
    expect(others.map(({ leader }) => leader)).not.toContain(before.name)
    freezer.thaw()
    const statuses = await eventually('all at one index', () => cluster.settled())
    expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
    expect(await client.count({ prefix: 'key/' })).toBe(WRITES)
  },
)
