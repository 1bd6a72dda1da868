// Goal: with `durability` interval or os, the death of the process loses nothing that was acknowledged: it is with the
// operating system. (The loss of power may lose it; that is what these settings say.) RAFTERDB_SEED: another plan.
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { Child, endChildren } from './child.js'
import { until } from './cluster.js'
import { acknowledgedOf, readLedger } from './ledger.js'
import { scratch } from './places.js'
import { plan, random } from './plan.js'
import { Verifier } from './recover.js'

const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const MIB = 1 << 20
const ROUNDS = 3
const LANES = plan(SEED, { lanes: 8, operations: 400, valueBytes: 16 << 10 })
const place = scratch('killed')

afterEach(endChildren)
afterAll(() => place.remove())

test.for(['interval', 'os', 'always'] as const)('durability %s, killed at work', async (durability) => {
  const next = random(SEED)
  for (let round = 0; round < ROUNDS; round++) {
    const dataDir = join(place.path, `${durability}-${round}`)
    const ledgerPath = `${dataDir}.ledger`
    const options = { memory: 32 * MIB, durability, dataDir }
    const child = new Child()
    await child.ask('ledger', { path: ledgerPath })
    await child.open(options)
    const running = child.run(LANES).catch((error: Error) => error)
    const enough = 50 + Math.floor(next() * 1500)
    await until('writes', async () => (acknowledgedOf(readLedger(ledgerPath)) >= enough ? true : null))
    await child.kill()
    await running
    const verifier = new Verifier()
    expect(await verifier.complaints(options, LANES, ledgerPath), `seed ${SEED}, round ${round}`).toEqual([])
    await verifier.end()
  }
})
