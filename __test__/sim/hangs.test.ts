// One member's disk, or its state machine, hangs for good: the others go on, and nobody is unseated by who hangs.
import { describe, expect, test } from 'vitest'
import { Raft } from '../../src/raft/raft.js'
import { brokenCore, expectCaught } from './canary.js'
import type { SimulationOptions } from './options.js'
import { simulate } from './simulate.js'

const QUIET: Partial<SimulationOptions> = {
  ...{ groups: 1, timeoutFactors: [1], heartbeatInterval: 50, electionTimeout: 200, faultyTime: 1_000, clients: 4, thinkMax: 20 },
  ...{ stallShare: 0, link: { delayMin: 0.05, delayMax: 2, lossShare: 0, duplicateShare: 0, ordered: true } },
  plane: {
    disk: { fsyncMin: 0.1, fsyncMax: 1, stallShare: 0, stallMax: 0 },
    applyMax: 1,
    persistShare: 0.1,
    logScale: 1,
    leasedReadsWait: true,
  },
  faults: { crashes: true, partitions: false, pauses: false, transfers: false, wipes: false, freezes: false, powerLosses: false },
}
const SEEDS = [1, 2, 3, 4, 5, 6]

describe.each([
  { what: 'disk', leader: true },
  { what: 'disk', leader: false },
  { what: 'apply', leader: true },
  { what: 'apply', leader: false },
] as const)('a hanging $what, of the leader: $leader', (hangs) => {
  test('writes go on', { timeout: 300_000 }, () => {
    let elections = 0
    for (const seed of SEEDS) {
      const members = seed % 2 === 0 ? 3 : 5
      elections += simulate(seed, (options) => ({ ...options, ...QUIET, members, hangs })).elections
    }
    expect(elections).toBeGreaterThanOrEqual(SEEDS.length)
  })
})

test.each(['disk', 'apply'] as const)(
  'progress catches a leader that does not notice that its %s hangs',
  { timeout: 300_000 },
  (what) => {
    class Unaware extends Raft {
      override get hangs(): boolean {
        return false
      }
    }
    expectCaught('progress', brokenCore(Unaware), { ...QUIET, members: 3, hangs: { what, leader: true } })
  },
)
