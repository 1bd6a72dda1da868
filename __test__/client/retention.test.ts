// Which history may go: what is older than the bounds, known only from what was seen; in steps that are worth a flush.
import { expect, test } from 'vitest'
import { KEEP_DEFAULT, keepOf, Retention } from '../../src/client/history/retention.js'

const HOUR = 3_600_000

/** Looks once a second at a store of so many writes a second. Returns what was compacted, and the least and most that was kept. */
function run(retention: Retention, seconds: number, perSecond: number, from = { now: 0, revision: 0, compacted: 0 }) {
  const state = { ...from }
  const kept: number[] = []
  let most = 0
  let compactions = 0
  for (let second = 0; second < seconds; second++) {
    state.now += 1000
    state.revision += perSecond
    if (compactions > 0) most = Math.max(most, state.revision - state.compacted)
    const to = retention.next(state.now, state.revision, state.compacted)
    if (to > 0) {
      expect(to).toBeGreaterThan(state.compacted)
      expect(to).toBeLessThanOrEqual(state.revision)
      state.compacted = to
      compactions++
      kept.push(state.revision - to)
    }
  }
  return { ...state, compactions, least: Math.min(...kept), most }
}

test('a number of revisions is kept, and at most a tenth more', () => {
  const { least, most, compactions } = run(new Retention(keepOf({ keep: 10_000 })), 1000, 700)
  expect(least).toBe(10_000)
  expect(most).toBeLessThanOrEqual(11_000 + 700)
  // Each drops at least a tenth of what it keeps.
  expect(compactions).toBeLessThanOrEqual(700_000 / 1_000)
})

test('an age is kept, and at most a tenth more', () => {
  const { least, most } = run(new Retention(keepOf({ keep: '1h' })), 4 * 3600, 10)
  expect(least).toBeGreaterThanOrEqual(36_000)
  expect(most).toBeLessThanOrEqual(36_000 * 1.15)
})

test('of several bounds each may say that something is too old', () => {
  const busy = run(new Retention(KEEP_DEFAULT), 600, 150_000)
  expect(busy.least).toBe(5_000_000)
  const quiet = run(new Retention(KEEP_DEFAULT), 3 * 3600, 1)
  expect(quiet.compacted).toBeGreaterThan(0)
  expect(quiet.least).toBeGreaterThanOrEqual(3600)
})

test('a member that has just started takes nothing for old, whatever is there', () => {
  const retention = new Retention(keepOf({ keep: '1h' }))
  const begun = { now: 50 * HOUR, revision: 1_000_000, compacted: 0 }
  expect(run(retention, 3599, 0, begun).compacted).toBe(0)
  expect(run(retention, 2, 0, { ...begun, now: begun.now + 3599_000 }).compacted).toBe(1_000_000)
})

test('what is written once goes when it is old, though nothing follows', () => {
  const retention = new Retention(keepOf({ keep: '10s' }))
  const written = run(retention, 5, 100)
  expect(written.compacted).toBe(0)
  const { compacted, compactions } = run(retention, 30, 0, written)
  expect(compacted).toBe(500)
  // Then there is nothing to do.
  expect(compactions).toBeLessThan(6)
  expect(run(retention, 1000, 0, { now: 40_000, revision: 500, compacted: 500 }).compactions).toBe(0)
})

test("'all' keeps everything", () => {
  expect(run(new Retention(keepOf({ keep: 'all' })), 10_000, 1_000_000).compactions).toBe(0)
})

test('bounds are read, and what is none is refused', () => {
  expect(keepOf(undefined)).toEqual(KEEP_DEFAULT)
  expect(keepOf({})).toEqual(KEEP_DEFAULT)
  expect(keepOf({ keep: ['90s', '7d', 12] })).toEqual({ ageMs: 90_000, revisions: 12 })
  expect(keepOf({ keep: '1.5h' }).ageMs).toBe(1.5 * HOUR)
  const wrong: unknown[] = [0, -1, 1.5, Number.NaN, '1', '0s', '1w', 'h', '', [], ['1h', 'x'], null, true, {}, ['all']]
  for (const keep of wrong) expect(() => keepOf({ keep: keep as never }), String(keep)).toThrow(/history\.keep is a time/)
  expect(() => keepOf({ keeps: 1 } as never)).toThrow('history has no option keeps; it has keep')
  expect(() => keepOf('1h' as never)).toThrow(/history\.keep is/)
})

test('history that is crowded with deleted ranges goes before its time, and no other', () => {
  const retention = new Retention(keepOf({ keep: '1h' }))
  expect(retention.next(0, 1000, 10)).toBe(0)
  expect(retention.next(1000, 2000, 10, 900)).toBe(900)
  expect(retention.next(2000, 2100, 900, 900)).toBe(0)
  // What is too old anyway goes along.
  expect(retention.next(HOUR + 1500, 9000, 900, 950)).toBe(1000)
})
