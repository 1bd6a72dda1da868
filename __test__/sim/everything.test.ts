// Long runs in which everything may happen keep every promise: a few of those that `npm run simulate` runs by the thousand.
// RAFTERDB_SEEDS says how many, RAFTERDB_FIRST_SEED where they begin.
import { expect, test } from 'vitest'
import { simulateEverything } from './everything.js'
import type { Outcome } from './simulate.js'

const COUNT = Number(process.env['RAFTERDB_SEEDS'] ?? 12)
const FIRST = Number(process.env['RAFTERDB_FIRST_SEED'] ?? 1)

test(`${COUNT} long runs keep every promise`, { timeout: 24 * 3_600_000 }, () => {
  const outcomes: Outcome[] = []
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    try {
      outcomes.push(simulateEverything(seed))
    } catch (error) {
      throw new Error(`seed ${seed} fails; repeat it with: npm run simulate -- --seed ${seed}`, { cause: error })
    }
  }
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0)
  // Runs in which nothing happens prove nothing.
  expect(Math.min(...outcomes.map(({ time }) => time))).toBeGreaterThan(60_000)
  expect(sum(({ sessions }) => sessions.done)).toBeGreaterThan(100 * COUNT)
  expect(sum(({ sessions }) => sessions.repeated)).toBeGreaterThan(COUNT)
  expect(sum(({ elections }) => elections)).toBeGreaterThan(5 * COUNT)
  if (COUNT < 10) return
  for (const fault of ['blackouts', 'slowDisks', 'failedSyncs', 'hungStateMachines', 'drifts'] as const)
    expect(sum(({ machineFaults }) => machineFaults[fault])).toBeGreaterThan(0)
  expect(sum(({ snapshots }) => snapshots)).toBeGreaterThan(0)
})

test('the same seed is the same run, and another seed another', { timeout: 600_000 }, () => {
  const [first, again, other] = [FIRST, FIRST, FIRST + 1].map((seed) => simulateEverything(seed, 10_000))
  expect(again).toEqual(first)
  expect(other?.digest).not.toBe(first?.digest)
})
