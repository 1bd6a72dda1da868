// The core's view of the log, at the edges of its runs: cutting at either end, looking up, and comparing with another.
import { expect, test } from 'vitest'
import { Log } from '../../src/raft/log.js'

/** Entries 1 to 3 of term 1, 4 to 6 of term 2, 7 to 9 of term 4. */
function threeRuns(): Log {
  const log = new Log()
  log.append(1, 3)
  log.append(2, 3)
  log.append(4, 3)
  return log
}

const bounds = ({ baseIndex, baseTerm, lastIndex, lastTerm }: Log) => [baseIndex, baseTerm, lastIndex, lastTerm]

test.each([
  [
    0,
    [
      [1, 1],
      [4, 2],
      [7, 4],
    ],
    [0, 0, 9, 4],
  ],
  [
    2,
    [
      [3, 1],
      [4, 2],
      [7, 4],
    ],
    [2, 1, 9, 4],
  ],
  [
    3,
    [
      [4, 2],
      [7, 4],
    ],
    [3, 1, 9, 4],
  ],
  [
    4,
    [
      [5, 2],
      [7, 4],
    ],
    [4, 2, 9, 4],
  ],
  [8, [[9, 4]], [8, 4, 9, 4]],
  [9, [], [9, 4, 9, 4]],
])('cut at %i keeps the runs after it', (index, runs, found) => {
  const log = threeRuns()
  log.cut(index)
  expect(log.runs).toEqual(runs)
  expect(bounds(log)).toEqual(found)
})

test('a log that was cut can be cut at its base again, and grows', () => {
  const log = threeRuns()
  log.cut(5)
  log.cut(5)
  expect(log.runs).toEqual([
    [6, 2],
    [7, 4],
  ])
  log.cut(9)
  log.cut(9)
  log.append(4, 1)
  expect(log.runs).toEqual([[10, 4]])
})

test.each([
  [1, [], 0],
  [3, [[1, 1]], 1],
  [4, [[1, 1]], 1],
  [
    5,
    [
      [1, 1],
      [4, 2],
    ],
    2,
  ],
  [
    7,
    [
      [1, 1],
      [4, 2],
    ],
    2,
  ],
  [
    9,
    [
      [1, 1],
      [4, 2],
      [7, 4],
    ],
    4,
  ],
])('truncate at %i keeps the runs before it', (index, runs, lastTerm) => {
  const log = threeRuns()
  log.truncate(index)
  expect(log.runs).toEqual(runs)
  expect(log.lastIndex).toBe(index - 1)
  expect(log.lastTerm).toBe(lastTerm)
})

test('committed and missing entries cannot be truncated, nor entries cut that are not there', () => {
  const log = threeRuns()
  log.cut(3)
  expect(() => log.truncate(3)).toThrow('truncation inside the log')
  expect(() => log.truncate(10)).toThrow('truncation inside the log')
  expect(() => log.cut(2)).toThrow('cut inside the log')
  expect(() => log.cut(10)).toThrow('cut inside the log')
  expect(() => log.term(2)).toThrow('index in the log')
  expect(() => log.term(10)).toThrow('index in the log')
})

test('it has what is between the base and the end, with its term', () => {
  const log = threeRuns()
  log.cut(3)
  expect([2, 3, 4, 6, 7, 9, 10].map((index) => [1, 2, 4].filter((term) => log.has(index, term)))).toEqual([
    ...[[], [1], [2], [2], [4], [4], []],
  ])
  expect([3, 4, 6, 7, 9].map((index) => log.term(index))).toEqual([1, 2, 2, 4, 4])
})

test('a run is there when all of it has the term', () => {
  const log = threeRuns()
  expect([log.hasRun(4, 7, 2), log.hasRun(5, 6, 2), log.hasRun(3, 7, 2), log.hasRun(4, 8, 2)]).toEqual([true, true, false, false])
  expect(log.hasRun(9, 11, 4)).toBe(false)
})

test('a hint skips a whole term, and ends at the base', () => {
  const log = threeRuns()
  expect([4, 3, 2, 1, 0].map((term) => log.lastWithin(9, term))).toEqual([9, 6, 6, 3, 0])
  expect(log.lastWithin(5, 2)).toBe(5)
  expect(log.lastWithin(20, 4)).toBe(9)
  log.cut(5)
  expect([4, 2, 1].map((term) => log.lastWithin(9, term))).toEqual([9, 6, 5])
  expect(log.lastWithin(3, 4)).toBe(5)
})

test('the overlap with what another has ends with the run', () => {
  const log = threeRuns()
  expect(log.overlap(4, 2, 2)).toBe(2)
  expect(log.overlap(4, 2, 7)).toBe(3)
  expect(log.overlap(5, 2, 7)).toBe(2)
  expect(log.overlap(7, 4, 7)).toBe(3)
  expect(log.overlap(4, 3, 2)).toBe(0)
  expect(log.overlap(10, 4, 2)).toBe(0)
})

test('terms ascend, and indexes stay exact', () => {
  const log = threeRuns()
  expect(() => log.append(3, 1)).toThrow('terms of the log ascend')
  expect(() => log.append(4, 0)).toThrow('terms of the log ascend')
  expect(() => new Log().append(0, 1)).toThrow('terms of the log ascend')
  log.append(4, Number.MAX_SAFE_INTEGER - 9)
  expect(log.lastIndex).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => log.append(4, 1)).toThrow('indexes stay below 2^53')
})

test('a reset log is empty after its base', () => {
  const log = threeRuns()
  log.reset(20, 5)
  expect(log.runs).toEqual([])
  expect(bounds(log)).toEqual([20, 5, 20, 5])
})
