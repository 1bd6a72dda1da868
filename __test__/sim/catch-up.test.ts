// A member that lost its directory catches up while clients go on writing, though next to no log is kept for those that lag.
import { describe, expect, test } from 'vitest'
import { Raft } from '../../src/raft/raft.js'
import { brokenCore, expectCaught } from './canary.js'
import type { SimulationOptions } from './options.js'
import { simulate } from './simulate.js'

/** Much is written, all of it persisted soon, and links are quick. */
const STEADY: Partial<SimulationOptions> = {
  ...{ members: 3, groups: 1, logRetainBytes: 2_000, entryBytesMax: 100_000, clients: 12, thinkMax: 4, steadyWrites: true },
  ...{ stallShare: 0, timeoutFactors: [1], heartbeatInterval: 50, electionTimeout: 200 },
  link: { delayMin: 0.05, delayMax: 2, lossShare: 0, duplicateShare: 0, ordered: true },
  plane: {
    disk: { fsyncMin: 0.1, fsyncMax: 1, stallShare: 0, stallMax: 0 },
    applyMax: 1,
    persistShare: 0.5,
    logScale: 1,
    leasedReadsWait: true,
  },
  faults: { crashes: true, partitions: false, pauses: false, transfers: false, wipes: true, freezes: false, powerLosses: false },
}
const COUNT = Number(process.env['RAFTERDB_SEEDS'] ?? 8)

describe('under steady writes', () => {
  test(`${COUNT} seeds catch up, and need no more snapshots then`, { timeout: 3_600_000 }, () => {
    let snapshots = 0
    for (let seed = 1; seed <= COUNT; seed += 1) snapshots += simulate(seed, (options) => ({ ...options, ...STEADY })).snapshots
    expect(snapshots).toBeGreaterThanOrEqual(COUNT / 2)
  })

  test('catching up catches a leader that cuts what a snapshot’s follower needs next', { timeout: 300_000 }, () => {
    class Forgetful extends Raft {
      override persisted(index: number, logBytes: number): void {
        // As much as if nobody were to be waited for.
        super.persisted(index, Math.max(logBytes, 1e12))
      }
    }
    expectCaught('catching up', brokenCore(Forgetful), STEADY)
  })
})
