// Goal: a disk that fails or fills under one member stops that member only. Another one takes over, a client of the cluster
// goes on by itself, each write happens once; the stopped member comes back with everything. RAFTERDB_SEED: another plan.
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { check } from './check.js'
import { Child, endChildren } from './child.js'
import { Cluster, NAMES, type Name } from './cluster.js'
import { readLedger } from './ledger.js'
import { scratch } from './places.js'
import { plan } from './plan.js'

const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const MIB = 1 << 20
const options = { memory: 32 * MIB, requestTimeout: 60_000 }
const LANES = plan(SEED, { lanes: 8, operations: 120, valueBytes: 24 << 10 })
const place = scratch('cluster')

afterEach(endChildren)
afterAll(() => place.remove())

const FAULTS: [string, string][] = [
  ['wal.sync=error@100', 'IO'],
  ['store.flush.tables=error@1', 'IO'],
]

test.for(FAULTS)('%s under the leader', { timeout: 120_000 }, async ([faults, code]) => {
  const path = join(place.path, faults)
  const cluster = await Cluster.start(path, options)
  // The member with the fault is made the leader.
  const first = await cluster.leader()
  const armed: Name = first === 'a' ? 'b' : 'a'
  // The cluster's identity comes with the first entry and is flushed at once: that flush is not to be the one that meets the fault.
  await cluster.settled()
  await cluster.close(armed)
  const broken = await cluster.startMember(armed, faults)
  await cluster.settled()
  await cluster.child(first).ask('transfer', { to: armed })
  const client = new Child()
  const ledgerPath = `${path}.ledger`
  await client.ask('ledger', { path: ledgerPath })
  await client.ask('connect', { endpoints: cluster.endpoints, requestTimeout: 60_000 })
  expect(await client.run(LANES), `seed ${SEED}`).toEqual([])
  // The others may have finished the run while it was still behind.
  const fatals = async () => (await broken.said()).fatals.map((fatal) => fatal.code)
  await expect.poll(fatals, { timeout: 20_000 }).toEqual([code])
  const others = NAMES.filter((name) => name !== armed)
  expect(others).toContain(await cluster.leader(others))
  expect(check(LANES, readLedger(ledgerPath), await client.dump())).toEqual([])
  await cluster.kill(armed)
  await cluster.startMember(armed)
  const all = await cluster.settled()
  expect(new Set(all.map((member) => member.stateHash)).size, JSON.stringify(all)).toBe(1)
  expect(check(LANES, readLedger(ledgerPath), await cluster.child(armed).dump({ consistency: 'serializable' }))).toEqual([])
})
