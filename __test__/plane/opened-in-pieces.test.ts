// A member with many groups and many past leaders hears where they stand over several exchanges: a group is opened when the
// last of its term runs has come, and the others do not wait for it.
import { expect, test } from 'vitest'
import type { HostConfig } from '../../src/host/config.js'
import { Host } from '../../src/host/host.js'
import { Event } from '../../src/plane/record-kinds.js'

const GROUPS = 3
const CONFIG: HostConfig = {
  ...{ id: 1, members: [1, 2, 3], groups: GROUPS, heartbeatInterval: 100, electionTimeout: 500 },
  ...{ leaseReads: true, logRetainBytes: 1 << 20, seed: 1 },
}

/** An events array with these records. */
function events(...records: number[][]): Float64Array {
  const doubles = records.flat()
  return Float64Array.from([2 + doubles.length, 1, ...doubles])
}

const opened = (group: number, last: number, runs: number[]) => [
  ...[Event.OPENED, group, last, 0, 0, 0, 0, last, 0, 0],
  ...[runs.length / 2, ...runs],
]
const runsOf = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => [first + i, first + i]).flat()

test('a group is opened once all its term runs have come', () => {
  const host = new Host(CONFIG)
  host.step(events(opened(0, 1, [1, 1]), [Event.OPENED_RUNS, 1, 4, ...runsOf(1, 5)]))
  expect([host.group(0)?.log.lastIndex, host.group(1)]).toEqual([1, undefined])
  host.step(events([Event.OPENED_RUNS, 1, 2, ...runsOf(5, 7)]))
  expect(host.group(1)).toBe(undefined)
  host.step(events(opened(1, 9, runsOf(7, 10)), opened(2, 1, [1, 1])))
  expect(host.group(1)?.log.runs).toEqual(Array.from({ length: 9 }, (_, i) => [i + 1, i + 1]))
  expect(host.group(2)?.log.runs).toEqual([[1, 1]])
})
