// Goal: a failed sync is final. The member stops, once, and does not try again; a restart recovers. RAFTERDB_SEED: another plan.
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { Child, type ChildError, endChildren } from './child.js'
import { acknowledgedOf, readLedger } from './ledger.js'
import { scratch } from './places.js'
import { plan } from './plan.js'
import { Verifier } from './recover.js'

const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const MIB = 1 << 20
const options = { memory: 32 * MIB, requestTimeout: 60_000 }
const LANES = plan(SEED, { lanes: 8, operations: 150, valueBytes: 48 << 10 })
const place = scratch('sync')

afterEach(endChildren)
afterAll(() => place.remove())

// One hit only: whoever tried again would succeed, and acknowledge. The first flush holds the cluster's identity alone.
const FAULTS = [
  'wal.sync=error@40',
  'wal.write=error@40',
  'store.history.sync=error@3',
  'store.flush.start=error@3',
  'store.flush.tables=error@2',
]

test.for(FAULTS)('%s stops the member, and a restart recovers', async (faults) => {
  const dataDir = join(place.path, faults)
  const ledgerPath = join(place.path, `${faults}.ledger`)
  const child = new Child(faults)
  await child.ask('ledger', { path: ledgerPath })
  await child.open({ ...options, dataDir })
  const failures = await child.run(LANES)
  expect(failures.map(({ code }) => code)).toEqual(Object.keys(LANES).map(() => 'POISONED'))
  const before = acknowledgedOf(readLedger(ledgerPath))
  expect(before).toBeGreaterThan(10)
  expect(
    (await child.run({ later: [{ type: 'put', key: 'later', value: { tag: 'x', bytes: 10 } }] })).map(({ code }) => code),
  ).toEqual(['POISONED'])
  expect(await child.ask('get', { key: 'later' }).catch((error: ChildError) => error.code)).toBe('POISONED')
  const { fatals } = await child.said()
  expect(fatals.map(({ code }) => code)).toEqual(['IO'])
  await child.end()
  expect(acknowledgedOf(readLedger(ledgerPath))).toBe(before)
  const verifier = new Verifier()
  expect(await verifier.complaints({ ...options, dataDir }, { ...LANES, later: [] }, ledgerPath), `seed ${SEED}`).toEqual([])
  await verifier.end()
})
