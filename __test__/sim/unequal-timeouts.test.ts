// Members with different election timeouts, as while a setting is rolled out: reads under a lease stay fresh.
import { describe, expect, test } from 'vitest'
import type { Incoming } from '../../src/raft/message.js'
import { Raft } from '../../src/raft/raft.js'
import { Message } from '../../src/raft/raft-kinds.js'
import { brokenCore, expectCaught } from './canary.js'
import type { SimulationOptions } from './options.js'
import { simulate } from './simulate.js'

/** Leaders that are cut off, and patience that differs: where a lease of the leader's own length gave stale reads in 4 of 200 seeds. */
const UNEQUAL: Partial<SimulationOptions> = {
  ...{ members: 3, groups: 1, leaseReads: true, timeoutFactors: [1, 10], heartbeatInterval: 20, electionTimeout: 60 },
  ...{ clients: 8, thinkMax: 3, newDirectories: false, driftMax: 0, faultyTime: 3_000 },
  faults: { crashes: false, partitions: true, pauses: false, transfers: true, wipes: false, freezes: false, powerLosses: false },
}
/** Of those that failed. */
const FOUND = [8, 35, 82]
const COUNT = Number(process.env['RAFTERDB_SEEDS'] ?? 10)

describe('unequal election timeouts', () => {
  test(`${COUNT} seeds keep every promise`, { timeout: 3_600_000 }, () => {
    const seeds = new Set([...FOUND, ...Array.from({ length: COUNT }, (_, i) => i + 1)])
    let reads = 0
    for (const seed of seeds) reads += simulate(seed, (options) => ({ ...options, ...UNEQUAL })).reads
    expect(reads).toBeGreaterThan(1_000)
  })

  test('fresh reads catches a lease that is as long as the leader would wait', { timeout: 300_000 }, () => {
    class Believing extends Raft {
      override receive(message: Incoming): void {
        super.receive(message.kind === Message.APPEND_REPLY ? { ...message, promise: this.config.electionTimeout } : message)
      }
    }
    expectCaught('fresh reads', brokenCore(Believing), UNEQUAL)
  })
})
