// Goal: the way out that a refusal names works: a member whose files are damaged is moved away, starts again with nothing,
// and has the same state as the others. RAFTERDB_SEED: another plan.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { check } from './check.js'
import { type ChildError, endChildren } from './child.js'
import { Cluster } from './cluster.js'
import { readLedger } from './ledger.js'
import { scratch } from './places.js'
import { plan } from './plan.js'
import { endOf, historySegments, logSegments, moveAway } from './template.js'

const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const MIB = 1 << 20
const options = { memory: 32 * MIB, requestTimeout: 60_000 }
const LANES = plan(SEED, { lanes: 8, operations: 80, valueBytes: 48 << 10 })
const place = scratch('way-out')

afterEach(endChildren)
afterAll(() => place.remove())

const DAMAGES: [string, string, (dataDir: string) => string][] = [
  ['log', 'LOG_CORRUPT', (dataDir) => logSegments(dataDir)[0] ?? ''],
  ['history', 'STORE_CORRUPT', (dataDir) => historySegments(dataDir).at(-1) ?? ''],
  ['identity', 'STORE_CORRUPT', (dataDir) => join(dataDir, 'member.json')],
]

test.for(DAMAGES)('a member with a damaged %s', { timeout: 120_000 }, async ([what, code, find]) => {
  const path = join(place.path, what)
  const cluster = await Cluster.start(path, options)
  const leader = cluster.child(await cluster.leader())
  await leader.ask('ledger', { path: `${path}.ledger` })
  expect(await leader.run(LANES)).toEqual([])
  await cluster.child('c').end()
  const file = find(cluster.dataDir('c'))
  const bytes = readFileSync(file)
  // So much that it is no padding.
  const middle = Math.floor(endOf(file) / 2)
  writeFileSync(file, bytes.fill(0x55, middle, Math.min(bytes.length, middle + 6000)))
  const refused = await cluster.startMember('c').catch((error: ChildError) => error)
  expect((refused as ChildError).code, `${(refused as Error).message}`).toBe(code)
  expect((refused as Error).message).toMatch(/move its data directory away and start it again|remove its data directory/)
  moveAway(cluster.dataDir('c'))
  await cluster.startMember('c')
  const all = await cluster.settled()
  expect(new Set(all.map((member) => member.stateHash)).size, JSON.stringify(all)).toBe(1)
  expect(
    check(LANES, readLedger(`${path}.ledger`), await cluster.child('c').dump({ consistency: 'serializable' })),
    `seed ${SEED}`,
  ).toEqual([])
})
