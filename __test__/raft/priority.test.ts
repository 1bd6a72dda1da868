// Who leads rather than others: a leader hands over to a member of higher priority that keeps up for long, not to another, not meanwhile, and
// after an attempt that failed only much later.
import { describe, expect, test } from 'vitest'
import type { Outgoing } from '../../src/raft/message.js'
import { Preference } from '../../src/raft/preference.js'
import { Progress } from '../../src/raft/progress.js'
import type { Raft } from '../../src/raft/raft.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { Voters } from '../../src/raft/voters.js'
import { arrived } from './arrived.js'
import { Bench } from './voting-bench.js'
import { wish } from './wish.js'

/** The leader, of priority 1, of 2 and 3, who all have its no-op. */
const leading = (two: number, three: number, witnesses: number[] = []) =>
  new Bench([1, 2, 3], [], [])
    .lead(2)
    .reconfigure(
      new Voters(
        [1, 2, 3],
        [],
        [],
        witnesses,
        new Map([
          [1, 1],
          [2, two],
          [3, three],
        ]),
      ),
    )
    .answers(1_000, 1, 2, 3)

const lastIndex = ({ raft }: Bench) => raft.log.lastIndex

/** Its state machine does not hang. */
const applies = (raft: Raft) => raft.reachedStateMachine(raft.commit)

/** Lets time go on to `until` while these answer; returns who was told to campaign, and when. */
function told(bench: Bench, from: number, until: number, answering: number[], index = lastIndex(bench)): [number, number][] {
  const found: [number, number][] = []
  bench.taken('send')
  for (let now = from; now <= until; now += 100) {
    bench
      .answers(now - 1, index, ...answering)
      .at(now, applies)
      .at(now)
    for (const [to, message] of bench.taken('send')) {
      if ((message as Outgoing).kind === Message.TIMEOUT_NOW && found.at(-1)?.[1] !== now) found.push([to as number, now])
    }
  }
  return found
}

describe('a leader hands over', () => {
  test('to the highest that has been heard for ten election timeouts', () => {
    expect(told(leading(2, 3), 1_100, 6_200, [2, 3])[0]).toEqual([3, 6_000])
    expect(told(leading(3, 2), 1_100, 6_200, [2, 3])[0]).toEqual([2, 6_000])
    expect(told(leading(2, 2), 1_100, 6_200, [2, 3])[0]).toEqual([2, 6_000])
  })

  test('to nobody who is no better', () => {
    expect(told(leading(1, 0), 1_100, 20_000, [2, 3])).toEqual([])
  })

  test('to the next while the highest is not there', () => {
    expect(told(leading(2, 3), 1_100, 6_200, [2])[0]).toEqual([2, 6_000])
  })

  test('to nobody who has been away for more than an election timeout within that time', () => {
    const bench = leading(1, 3)
    expect(told(bench, 1_100, 3_000, [2, 3])).toEqual([])
    expect(told(bench, 3_100, 3_700, [2])).toEqual([])
    expect(told(bench, 3_800, 9_000, [2, 3])[0]).toEqual([3, 8_800])
    const soon = leading(1, 3)
    told(soon, 1_100, 3_000, [2, 3])
    told(soon, 3_100, 3_400, [2])
    expect(told(soon, 3_500, 9_000, [2, 3])[0]).toEqual([3, 6_000])
  })

  test('to no witness', () => {
    expect(told(leading(1, 3, [3]), 1_100, 20_000, [2, 3])).toEqual([])
  })

  test('to nobody who lags behind, or has lost something', () => {
    const bench = leading(1, 3)
    bench.at(1_001, (raft) => raft.proposals(1, 1)).at(1_001, (raft) => raft.reachedDisk(2, 1))
    bench.answers(1_001, 2, 2)
    const found: unknown[] = []
    for (let now = 1_100; now <= 9_000; now += 100) {
      bench
        .answers(now - 1, 2, 2)
        .answers(now - 1, 1, 3)
        .at(now, applies)
        .at(now)
      found.push(...bench.taken('transferOver'))
    }
    expect([found, told(bench, 9_100, 9_100, [2, 3])[0]]).toEqual([[], [3, 9_100]])
    const other = leading(1, 3)
    for (let now = 1_100; now <= 9_000; now += 100) {
      const answer = { term: 1, index: 1, round: other.raft.round, promise: 0, previousIndex: 1 }
      other
        .answers(now - 1, 1, 2)
        .hears({ kind: Message.APPEND_REPLY, from: 3, ...answer })
        .at(now)
    }
    expect(other.taken('transferOver')).toEqual([])
  })

  test('to nobody while members change', () => {
    const bench = leading(1, 1)
    const wanted = [1, 1 + 256, 2, 1, 3, 1 + 512]
    bench.at(1_000, (raft) => raft.change(7, wish(raft, wanted)))
    expect(told(bench, 1_100, 9_000, [2, 3], 1)).toEqual([])
    bench.at(9_000, (raft) => raft.reachedDisk(2, 1))
    expect(told(bench, 9_100, 9_200, [2, 3], 2)[0]).toEqual([3, 9_100])
  })

  test('nor is it begun meanwhile, and given up', () => {
    const bench = leading(1, 1)
    bench.at(1_000, (raft) => raft.change(7, wish(raft, [1, 1 + 256, 2, 1, 3, 1 + 512])))
    // It does not hang: the others do not have the change.
    bench.at(1_000, (raft) => raft.reachedDisk(2, 1))
    const over: unknown[] = []
    for (let now = 1_100; now <= 9_000; now += 100) {
      bench
        .answers(now - 1, 1, 2, 3)
        .at(now, applies)
        .at(now)
      over.push(...bench.taken('transferOver'))
    }
    expect(over).toEqual([])
  })
})

test('who was heard an election timeout ago is still there', () => {
  const voters = new Voters([1, 2], [], [], [], new Map([[2, 1]]))
  const two = new Progress(2, 1, 0)
  two.heard(9_500, 10_000)
  const better = (now: number) => new Preference(500).better(voters, 1, [two], 0, now)?.id
  expect([better(10_000), better(10_001)]).toEqual([2, undefined])
})

test('after an attempt that failed it waits thirty election timeouts, twice as long after the next, and never for ever', () => {
  const bench = leading(1, 3)
  const begun = told(bench, 1_100, 700_000, [2, 3])
    .map(([, now]) => now)
    .filter((now, i, all) => i === 0 || now - (all[i - 1] as number) > 1_000)
  const pauses = begun.slice(1).map((now, i) => (now - (begun[i] as number)) / 500)
  // Each attempt itself lasts an election timeout.
  expect(pauses.slice(0, 6)).toEqual([31, 61, 121, 241, 241, 241])
  expect(bench.raft.role).toBe(Role.LEADER)
})

test('a leader that is removed, or hangs, hands over to the highest of those that have most', () => {
  const bench = leading(2, 3)
  const parts = [2, 1 + 2 * 256, 3, 1 + 3 * 256]
  bench.at(1_000, (raft) => raft.change(7, wish(raft, parts)))
  for (const index of [2, 3]) bench.at(1_000, (raft) => raft.reachedDisk(index, 1))
  bench.answers(1_001, 2, 2, 3).at(1_001, (raft) => raft.reachedDisk(3, 1))
  bench.taken('send')
  const both = ([2, 3] as const).map((from) => ({
    from,
    ...{ term: 1, index: 3, round: bench.raft.round, promise: 500, previousIndex: 3 },
  }))
  // In one step: both have everything.
  bench.at(1_002, (raft) => {
    for (const answer of both) raft.receive(arrived({ kind: Message.APPEND_REPLY, ...answer }))
  })
  const sent = bench.taken('send').filter(([, message]) => (message as Outgoing).kind === Message.TIMEOUT_NOW)
  expect(sent.map(([to]) => to)).toEqual([3])

  const hung = leading(2, 3)
  hung.at(1_001, (raft) => raft.proposals(1, 1))
  expect(told(hung, 1_100, 2_200, [2, 3], 2)[0]?.[0]).toBe(3)
})
