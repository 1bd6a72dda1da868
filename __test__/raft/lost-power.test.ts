// A member that lost the end of its log when its machine lost power, as with weaker durability: it knows its term and its vote, so it
// follows from the start, and is whole once it has what a leader had when it asked, whoever the members are by now.
import { expect, test } from 'vitest'
import type { Outgoing } from '../../src/raft/message.js'
import { Message } from '../../src/raft/raft-kinds.js'
import { Bench } from './voting-bench.js'

/** Entry 4 says who the members were; the leader, 2, goes by entry 9, which this member lacks. */
const LOST = {
  ...{ term: 2, vote: 2, commit: 4, applied: 4, lastIndex: 4, runs: [1, 1], recovering: true },
  configurations: [{ at: 4, term: 1, parts: [1, 1, 2, 1, 3, 1] }],
}
const ANSWER = {
  ...{ kind: Message.RECOVER_REPLY, from: 2, term: 2, lastIndex: 9, leads: true, whole: true },
  ...{ configurationIndex: 9, configurationTerm: 2 },
}
const ENTRIES = { kind: Message.APPEND, from: 2, term: 2, previousIndex: 4, previousTerm: 1, handle: 7, runs: [2, 5], bytes: 5 }

function restarted(change: object = {}): { bench: Bench; nonce: number } {
  const bench = new Bench([1, 2, 3], [], [], false, { ...LOST, ...change }).at(1_100)
  const { nonce } = bench.taken('send').at(-1)![1] as Outgoing & { nonce: number }
  return { bench, nonce }
}

/** Whether it is whole, once it has answered and has what it heard on its disk. */
function isWhole(bench: Bench): boolean {
  const { lastIndex, lastTerm } = bench.raft.log
  return bench.at(1_200, (raft) => raft.reachedDisk(lastIndex, lastTerm)).raft.recovery === null
}

test('it is whole with what the leader had when it asked, though members have changed since', () => {
  const { bench, nonce } = restarted()
  bench.hears({ ...ANSWER, nonce })
  expect(isWhole(bench)).toBe(false)
  bench.hears(ENTRIES)
  expect(bench.raft.recovery === null).toBe(false)
  expect(isWhole(bench)).toBe(true)
  expect(bench.raft.vote).toBe(2)
})

test('it follows before that, and votes for nobody', () => {
  const { bench } = restarted()
  bench.hears(ENTRIES)
  expect(bench.raft.log.lastIndex).toBe(9)
  bench.taken('send')
  bench.at(30_000, (raft) => raft.reachedDisk(9, 2))
  for (const kind of [Message.PRE_VOTE, Message.VOTE])
    bench.hears({ kind, from: 3, term: 5, lastIndex: 20, lastTerm: 4, transfer: true })
  bench.hears({ kind: Message.TIMEOUT_NOW, from: 2, term: 2 })
  const kinds = bench.taken('send').map(([, message]) => (message as Outgoing).kind)
  expect(kinds.filter((kind) => kind !== Message.RECOVER)).toEqual([])
  expect([bench.raft.term, bench.raft.recovery === null]).toEqual([2, false])
})

test('its answers promise nothing until it is whole', () => {
  const { bench, nonce } = restarted()
  const promised = () => {
    const replies = bench.taken('send').map(([, message]) => message as Outgoing & { promise: number })
    return replies.filter(({ kind }) => kind === Message.APPEND_REPLY).map(({ promise }) => promise)
  }
  bench.hears({ ...ENTRIES, commit: 9 })
  expect(promised()).toEqual([0])
  bench.hears({ ...ANSWER, nonce })
  expect(isWhole(bench)).toBe(true)
  bench.hears({ kind: Message.APPEND, from: 2, term: 2, previousIndex: 9, previousTerm: 2, commit: 9 })
  expect(promised()).toEqual([500])
})

test.each<[string, object]>([
  ['does not lead', { leads: false }],
  ['leads an earlier term', { term: 1 }],
  ['answers an earlier life', { nonce: 1 }],
])('not by an answer of one that %s', (_, change) => {
  const { bench, nonce } = restarted()
  bench.hears({ ...ANSWER, nonce, ...change }).hears(ENTRIES)
  expect(isWhole(bench)).toBe(false)
})

test('what it heard of an earlier leader is not what a later one has', () => {
  const { bench, nonce } = restarted()
  bench.hears(ENTRIES)
  bench.at(1_200, (raft) => raft.reachedDisk(9, 2))
  bench.hears({ ...ANSWER, nonce, from: 3, term: 3 })
  expect(bench.raft.recovery === null).toBe(false)
  bench.hears({ kind: Message.APPEND, from: 3, term: 3, previousIndex: 9, previousTerm: 2 })
  expect(bench.raft.recovery).toBe(null)
})

test('nor is its first entry', () => {
  const { bench, nonce } = restarted({ commit: 0, applied: 0, lastIndex: 0, runs: [], configurations: [] })
  bench.hears({ kind: Message.APPEND, from: 2, term: 2, handle: 7, runs: [2, 1], bytes: 5 })
  bench.at(1_200, (raft) => raft.reachedDisk(1, 2))
  bench.hears({ ...ANSWER, nonce, from: 3, term: 3, lastIndex: 1 })
  expect(bench.raft.recovery === null).toBe(false)
})

test('what it heard of the leader that answers counts', () => {
  const { bench, nonce } = restarted()
  bench.hears(ENTRIES)
  bench.at(1_200, (raft) => raft.reachedDisk(9, 2))
  bench.hears({ ...ANSWER, nonce })
  expect(bench.raft.recovery).toBe(null)
})

test('a vote, an entry or a term that no snapshot brought shows that neither was lost', () => {
  const nothing = { vote: 0, term: 1, commit: 4, lastIndex: 4, runs: [], snapshotIndex: 4, snapshotTerm: 1 }
  const follows = (change: object) => {
    const { bench } = restarted({ ...nothing, ...change })
    bench.hears({ kind: Message.APPEND, from: 2, term: 3 })
    return bench.raft.term === 3
  }
  expect(follows({})).toBe(false)
  expect(follows({ vote: 2 })).toBe(true)
  expect(follows({ term: 2 })).toBe(true)
  expect(follows({ lastIndex: 5, runs: [5, 1] })).toBe(true)
})

test('a follower gives the vote that it has left to the leader that it hears', () => {
  const vote = (before: number) => {
    const bench = new Bench([1, 2, 3], [], [], false, { ...LOST, recovering: false, vote: before })
    return bench.hears({ kind: Message.APPEND, from: 2, term: 2, previousIndex: 4, previousTerm: 1 }).raft.vote
  }
  expect([vote(0), vote(3)]).toEqual([2, 3])
})
