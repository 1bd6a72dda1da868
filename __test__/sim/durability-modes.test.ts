// Entries that count as durable before they are synced (`durability: 'interval'` and `'os'`): one machine may lose power, and
// others' processes may crash, and nothing acknowledged is lost, as long as no majority loses power together.
import { describe, expect, test } from 'vitest'
import type { CreateRaft } from '../../src/host/host.js'
import { Raft } from '../../src/raft/raft.js'
import { expectCaught } from './canary.js'
import type { SimulationOptions } from './options.js'
import { simulate } from './simulate.js'

const COUNT = Number(process.env['RAFTERDB_SEEDS'] ?? 40)
const FAULTS = {
  crashes: true,
  partitions: true,
  pauses: false,
  transfers: false,
  wipes: false,
  freezes: false,
  powerLosses: true,
}

function weak(syncInterval: number): Partial<SimulationOptions> {
  return { ...{ groups: 1, members: 3, syncInterval, timeoutFactors: [1], clients: 6, thinkMax: 10 }, faults: FAULTS }
}

/** As if nothing had marked the data of a machine that lost power. */
const unmarked: CreateRaft = (config, out, now, opened) => {
  if (opened.recovering && opened.term > 0) {
    out.recovered()
    return new Raft(config, out, now, { ...opened, recovering: false })
  }
  return new Raft(config, out, now, opened)
}

describe.each([
  ['interval', 10],
  ['os', 10_000],
] as const)('durability %s', (_mode, syncInterval) => {
  test(`${COUNT} seeds keep every promise`, { timeout: 3_600_000 }, () => {
    let losses = 0
    for (let seed = 1; seed <= COUNT; seed += 1) {
      losses += simulate(seed, (options) => ({ ...options, ...weak(syncInterval), members: seed % 4 === 0 ? 5 : 3 })).powerLosses
    }
    expect(losses).toBeGreaterThan(COUNT / 4)
  })
})

test('durability catches members that lost power and are not marked', { timeout: 300_000 }, () => {
  expectCaught('durability', { createRaft: unmarked }, weak(10_000))
})
