// Witnesses, which have the log's terms and no data: what they are sent and when, that they neither campaign nor are told to, and which members a
// leader refuses on their account.
import { describe, expect, test } from 'vitest'
import { Code } from '../../src/codes.js'
import type { Outgoing } from '../../src/raft/message.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { Voters } from '../../src/raft/voters.js'
import { Bench } from './voting-bench.js'
import { wish } from './wish.js'

/** The leader of 2 and of witness 3, who all have its no-op. */
const leading = () =>
  new Bench([1, 2, 3], [], [])
    .lead(2)
    .reconfigure(new Voters([1, 2, 3], [], [], [3]))
    .answers(1_000, 1, 2, 3)
/** The last entries of the messages to a member since the last look. */
const sentTo = (bench: Bench, id: number): number[] =>
  bench
    .taken('send')
    .map(([to, message]) => [to, message] as [number, Outgoing & { first: number; end: number }])
    .filter(([to, message]) => to === id && message.kind === Message.APPEND && message.end > message.first)
    .map(([, message]) => message.end - 1)
/** One entry more, on the leader's disk or not. */
const proposed = (bench: Bench, now: number, isDurable: boolean): Bench => {
  bench.at(now, (raft) => raft.proposals(1, 1))
  const last = bench.raft.log.lastIndex
  return isDurable ? bench.at(now, (raft) => raft.reachedDisk(last, raft.term)) : bench
}

describe('what a witness is sent', () => {
  test('an entry that the leader and the others have on disk', () => {
    const bench = leading()
    bench.taken('send')
    proposed(bench, 1_001, true)
    expect(sentTo(bench, 3)).toEqual([])
    bench.answers(1_002, 2, 2)
    expect(sentTo(bench, 3)).toEqual([2])
    expect(bench.raft.commit).toBe(2)
  })

  test('and not one that the leader has in memory alone', () => {
    const bench = new Bench([1, 2, 3, 4, 5], [], []).lead(2, 3)
    bench.reconfigure(new Voters([1, 2, 3, 4, 5], [], [], [4, 5])).answers(1_000, 1, 2, 3, 4, 5)
    bench.taken('send')
    proposed(bench, 1_001, false).answers(1_002, 2, 2, 3)
    // Three of five have it when the leader has.
    expect(sentTo(bench, 4)).toEqual([])
    bench.at(1_003, (raft) => raft.reachedDisk(2, 1))
    expect(bench.raft.commit).toBe(2)
    expect(sentTo(bench, 4)).toEqual([2])
  })

  test('of several entries in one chunk those alone that may go', () => {
    const bench = leading()
    bench.at(1_001, (raft) => raft.proposals(5, 5)).at(1_001, (raft) => raft.reachedDisk(6, 1))
    bench.taken('send')
    bench.answers(1_002, 3, 2)
    expect(sentTo(bench, 3)).toEqual([3])
    bench.answers(1_003, 6, 2)
    expect(sentTo(bench, 3)).toEqual([6])
  })

  test('what is committed, though one with data lags behind', () => {
    const bench = new Bench([1, 2, 3, 4], [], []).lead(2, 3)
    bench.reconfigure(new Voters([1, 2, 3, 4, 5], [], [6], [5])).answers(1_000, 1, 2, 3, 4, 5, 6)
    proposed(bench, 1_001, true)
    bench.taken('send')
    bench.answers(1_002, 2, 2)
    expect(sentTo(bench, 5)).toEqual([])
    bench.answers(1_002, 2, 3)
    expect(sentTo(bench, 5)).toEqual([2])
  })

  test('all that is on the disk of the leader, if nobody else with data has answered for an election timeout', () => {
    const bench = leading()
    for (let now = 1_100; now <= 1_500; now += 100) bench.answers(now - 1, 1, 3).at(now)
    bench.taken('send')
    proposed(bench, 1_500, true)
    expect(sentTo(bench, 3)).toEqual([])
    bench.answers(1_501, 1, 3)
    expect(sentTo(bench, 3)).toEqual([2])
    proposed(bench, 1_502, false)
    expect(sentTo(bench, 3)).toEqual([])
    bench.at(1_503, (raft) => raft.reachedDisk(3, 1))
    expect(sentTo(bench, 3)).toEqual([3])
  })

  test('whatever who only learns has, and who recovers what it lost', () => {
    const learning = new Bench([1, 2, 3], [], []).lead(2).reconfigure(new Voters([1, 2, 3], [], [4], [3]))
    proposed(learning.answers(1_000, 1, 2, 3, 4), 1_001, true).taken('send')
    learning.answers(1_002, 2, 2)
    expect(sentTo(learning, 3)).toEqual([2])
    const recovering = leading()
    const answer = { term: 1, index: 1, round: recovering.raft.round, promise: 0, previousIndex: 1 }
    recovering.hears({ kind: Message.APPEND_REPLY, from: 2, ...answer }).taken('send')
    proposed(recovering, 1_001, true)
    expect(sentTo(recovering, 3)).toEqual([2])
  })

  test('though who only learns lags', () => {
    const bench = new Bench([1, 2, 3, 4, 5], [], []).lead(2, 3)
    bench.reconfigure(new Voters([1, 2, 3, 4, 5], [], [6], [4, 5])).answers(1_000, 1, 2, 3, 4, 5, 6)
    for (let now = 1_100; now <= 1_500; now += 100) bench.answers(now - 1, 1, 2, 4, 5, 6).at(now)
    proposed(bench, 1_501, true).taken('send')
    bench.answers(1_501, 2, 2)
    expect([sentTo(bench, 4), bench.raft.commit]).toEqual([[2], 1])
  })

  test('not what is on the disk of a leader alone that does not vote', () => {
    const sent = (...voters: number[]) => {
      const bench = new Bench([1, 2, 3, 4], [], []).lead(2, 3)
      bench.reconfigure(new Voters(voters, [], [], [4])).answers(1_000, 1, 2, 3, 4)
      bench.taken('send')
      // The others with data have been silent for longer than an election timeout.
      return sentTo(proposed(bench, 1_501, true), 4)
    }
    expect([sent(1, 2, 3, 4), sent(2, 3, 4)]).toEqual([[2], []])
  })

  test('if nobody keeps up, what any disk with data has', () => {
    const limit = (own: number, other: number) => {
      const bench = new Bench([1, 2, 3, 4, 5], [], []).lead(2, 3)
      bench.reconfigure(new Voters([1, 2, 3, 4, 5], [], [], [4, 5])).answers(1_000, 1, 2, 3, 4, 5)
      bench.at(1_001, (raft) => raft.proposals(3, 3)).at(1_001, (raft) => raft.reachedDisk(own, 1))
      bench.answers(1_002, other, 2)
      bench.taken('send')
      const sent = []
      for (let now = 1_100; now <= 1_700; now += 100) {
        bench.answers(now - 1, 1, 4, 5).at(now)
        sent.push(...sentTo(bench, 4))
      }
      return sent
    }
    expect([limit(1, 2), limit(2, 1)]).toEqual([[2], [2]])
  })

  test('or if it answers and lacks what the log held half an election timeout ago and more', () => {
    const bench = proposed(leading(), 1_001, true)
    bench.taken('send')
    const sent = []
    for (let now = 1_100; now <= 1_700; now += 100) {
      bench.answers(now - 1, 1, 2, 3).at(now)
      if (sentTo(bench, 3).length > 0) sent.push(now)
    }
    // The log's end is noted each 250 ms or a little later, and counts from the next time on.
    expect(sent).toEqual([1_600])
    // It catches up: it is waited for again.
    bench.answers(1_701, 2, 2, 3)
    proposed(bench, 1_702, true)
    expect(sentTo(bench, 3)).toEqual([])
  })

  test('a new leader waits two heartbeats for who has never answered it', () => {
    const bench = new Bench([1, 2, 3], [], []).lead(3).reconfigure(new Voters([1, 2, 3], [], [], [3]))
    bench.taken('send')
    const sent = []
    for (const now of [1_050, 1_100, 1_150, 1_200, 1_250]) {
      bench.answers(now - 1, 0, 3).at(now)
      if (sentTo(bench, 3).length > 0) sent.push(now)
    }
    expect(sent).toEqual([1_200])
  })

  test('what others with data have, while the disk of the leader lags', () => {
    const bench = leading()
    for (let now = 1_100; now <= 1_200; now += 100) bench.answers(now - 1, 1, 2, 3).at(now)
    proposed(bench, 1_201, false)
    bench.taken('send')
    const sent = []
    for (let now = 1_300; now <= 2_000; now += 100) {
      bench
        .answers(now - 1, 2, 2)
        .answers(now - 1, 1, 3)
        .at(now)
      if (sentTo(bench, 3).length > 0) sent.push(now)
    }
    expect(sent).toEqual([1_600])
  })

  test('catching up it gets no further', () => {
    const bench = new Bench([1, 2, 3], [], [], false, { term: 1, lastIndex: 20, runs: [1, 1] })
    bench.at(1_000, (raft) => raft.campaign(true)).votes(2)
    bench.reconfigure(new Voters([1, 2, 3], [], [], [3]))
    const answer = { term: 2, round: bench.raft.round, promise: 500 }
    bench.answers(1_000, 20, 2)
    const reject = { ...answer, index: 1, rejected: true, hintTerm: 1, previousIndex: 20 }
    bench.hears({ kind: Message.APPEND_REPLY, from: 3, ...reject })
    bench.answers(1_001, 1, 3)
    bench.at(1_002, (raft) => raft.sent(3, 2, 16, 100))
    // The leader's first entry is not on its disk yet.
    expect([sentTo(bench, 3).at(-1), bench.raft.log.lastIndex]).toEqual([20, 21])
    bench.at(1_002, (raft) => raft.sent(3, 16, 21, 100)).answers(1_003, 20, 3)
    expect(sentTo(bench, 3)).toEqual([])
    bench.answers(1_004, 21, 2).at(1_004, (raft) => raft.reachedDisk(21, 2))
    expect(sentTo(bench, 3)).toEqual([21])
  })
})

describe('a witness does not lead', () => {
  test('it does not campaign, whoever tells it to', () => {
    const bench = new Bench([1, 2, 3], [], []).reconfigure(new Voters([1, 2, 3], [], [], [1])).at(9_000)
    expect([bench.raft.role, bench.taken('send')]).toEqual([Role.FOLLOWER, []])
    bench.hears({ kind: Message.TIMEOUT_NOW, from: 2, term: 1 })
    expect([bench.raft.role, bench.taken('send')]).toEqual([Role.FOLLOWER, []])
  })

  test('nor when it has been told of its removal', () => {
    const campaigns = (part: number) => {
      const configurations = [
        { at: 3, term: 1, parts: [1, part, 2, 1, 3, 1] },
        { at: 4, term: 1, parts: [2, 1, 3, 1] },
      ]
      const opened = { term: 1, commit: 3, applied: 3, lastIndex: 4, runs: [1, 1], configurations }
      return new Bench([1, 2, 3], [], [], false, opened).at(9_000).raft.role === Role.CANDIDATE
    }
    expect([campaigns(1), campaigns(5)]).toEqual([true, false])
  })

  test('it votes', () => {
    const bench = new Bench([1, 2, 3], [], []).reconfigure(new Voters([1, 2, 3], [], [], [1])).at(9_000)
    bench.hears({ kind: Message.VOTE, from: 2, term: 1, lastIndex: 0, lastTerm: 0, transfer: false, life: 7 })
    const [[to, { kind, granted }]] = bench.taken('send') as [[number, Outgoing & { granted: boolean }]]
    expect([to, kind, granted]).toEqual([2, Message.VOTE_REPLY, true])
  })

  test('leadership is not handed to it', () => {
    const bench = leading()
    bench.at(1_000, (raft) => raft.transfer(3))
    expect(bench.taken('transferOver')).toEqual([[3, Code.MEMBER_IS_WITNESS]])
  })

  test('nor by a leader that is removed', () => {
    const removed = (part: number) => {
      const bench = new Bench([1, 2, 3], [], []).lead(2).answers(1_000, 1, 2, 3)
      bench.raft.configurations.append(1, 1, new Voters([1, 2, 3], [], [], part === 5 ? [3] : []))
      bench.at(1_000, (raft) => raft.takeEffect())
      bench.at(1_000, (raft) => raft.change(7, wish(raft, [2, 1, 3, part])))
      for (const index of [2, 3]) {
        bench.at(1_000, (raft) => raft.reachedDisk(index, 1)).answers(1_001, index, 3)
        if (index === 2) bench.answers(1_001, index, 2)
      }
      bench.taken('send')
      bench.answers(1_002, 3, 2)
      const told = bench.taken('send').filter(([, message]) => (message as Outgoing).kind === Message.TIMEOUT_NOW)
      return [bench.raft.role, told.map(([to]) => to)]
    }
    expect(removed(5)).toEqual([Role.FOLLOWER, [2]])
  })

  test('nor by one whose disk hangs', () => {
    const handedTo = (witnesses: number[]) => {
      const bench = new Bench([1, 2, 3], [], []).lead(2).reconfigure(new Voters([1, 2, 3], [], [], witnesses))
      bench.answers(1_000, 1, 2, 3).at(1_001, (raft) => raft.proposals(2, 2))
      bench.taken('send')
      for (let now = 1_100; now <= 2_000; now += 100)
        bench
          .answers(now - 1, 2, 2)
          .answers(now - 1, 3, 3)
          .at(now)
      bench.answers(2_001, 3, 2, 3)
      const told = bench.taken('send').filter(([, message]) => (message as Outgoing).kind === Message.TIMEOUT_NOW)
      return told[0]?.[0]
    }
    expect([handedTo([]), handedTo([3])]).toEqual([3, 2])
  })
})

describe('members that a leader refuses', () => {
  /** 1 and 2 with data, witness 3, and 4 that learns. */
  const changed = (...parts: number[]): unknown => {
    const bench = new Bench([1, 2, 3], [], [4]).lead(2).answers(1_000, 1, 2, 3, 4)
    bench.raft.configurations.append(1, 1, new Voters([1, 2, 3], [], [4], [3]))
    bench.at(1_000, (raft) => raft.takeEffect()).answers(1_000, 1, 2, 3, 4)
    bench.takenInOrder()
    bench.at(1_000, (raft) => raft.change(7, wish(raft, parts)))
    const commands = bench.takenInOrder()
    const refused = commands.find(([name]) => name === 'changeOver')
    return refused === undefined ? commands.find(([name]) => name === 'configure')?.at(-1) : refused.at(-1)
  }

  test('so many witnesses that a majority has no data', () => {
    expect(changed(1, 1, 2, 1, 3, 5)).toEqual([1, 1, 2, 1, 3, 5])
    expect(changed(1, 1, 3, 5)).toEqual([1, 3, 3, 7, 2, 2])
    expect(changed(3, 5)).toBe(Code.INVALID_ARGUMENT)
    expect(changed(1, 1, 3, 5, 5, 4)).toEqual([1, 3, 3, 7, 2, 2, 5, 4])
    expect(changed(1, 1, 3, 5, 5, 5)).toBe(Code.INVALID_ARGUMENT)
  })

  test('a witness that would have data, or a member that would lose what it has', () => {
    expect(changed(1, 1, 2, 1, 3, 1)).toBe(Code.INVALID_ARGUMENT)
    expect(changed(1, 1, 2, 5)).toBe(Code.INVALID_ARGUMENT)
    expect(changed(1, 1, 2, 1, 3, 5, 4, 4)).toBe(Code.INVALID_ARGUMENT)
  })

  test('who leaves stays what it is until then, and keeps its priority', () => {
    expect(changed(1, 1, 2, 1)).toEqual([1, 3, 2, 3, 3, 6])
    expect(changed(1, 1, 2, 1 + 256 * 9, 3, 5 + 256)).toEqual([1, 1, 2, 1 + 256 * 9, 3, 5 + 256])
  })

  test('a priority that is none', () => {
    expect(changed(1, 1 + 256 * 255, 2, 1, 3, 5)).toEqual([1, 1 + 256 * 255, 2, 1, 3, 5])
    expect(changed(1, 1 + 256 * 256, 2, 1, 3, 5)).toBe(Code.INVALID_ARGUMENT)
    expect(changed(1, 9, 2, 1, 3, 5)).toBe(Code.INVALID_ARGUMENT)
  })
})

test('voters of whom a majority could be witnesses are a broken invariant', () => {
  for (const [incoming, outgoing, witnesses] of [
    [[1, 2, 3], [], [2, 3]],
    [[1], [], [1]],
    [
      [1, 2, 3],
      [1, 2, 4],
      [2, 4],
    ],
  ] as const) {
    expect(() => new Voters(incoming, outgoing, [], witnesses)).toThrow('each majority has data')
  }
  expect(new Voters([1, 2], [], [], [2]).holdsData(2)).toBe(false)
  expect(new Voters([1, 2, 3, 4], [], [], [3, 4]).holdsData(2)).toBe(true)
  expect(new Voters([1, 2], [2, 3], [], [2]).left().witnesses).toEqual([2])
})

test('what a snapshot replaces says nothing of a member any more', () => {
  const { configurations } = new Bench([1, 2, 3], [], []).raft
  configurations.append(1, 1, new Voters([1, 2, 3, 4, 5], [], [], [5]))
  configurations.reset({ at: 9, term: 1, parts: [1, 1, 2, 1, 3, 1] })
  expect([configurations.mayVote(4), configurations.isWitness(5), configurations.mayVote(3)]).toEqual([false, false, true])
})
