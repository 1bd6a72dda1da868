// Changes of the members at a leader, beside what the scripts members-change*.txt show: what it refuses, when a learner keeps up, what
// goes along with entries, and what a lone voter does not send.
import { expect, test } from 'vitest'
import { Code } from '../../src/codes.js'
import type { Outgoing } from '../../src/raft/message.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { Bench } from './voting-bench.js'
import { wish } from './wish.js'

/** The leader of three and a learner, all of whom have its no-op. */
const leading = () => new Bench([1, 2, 3], [], [4]).lead(2).answers(1_000, 1, 2, 3, 4)
const members = (voters: readonly number[], learners: readonly number[] = []) => [
  ...voters.flatMap((id) => [id, 1]),
  ...learners.flatMap((id) => [id, 0]),
]
const asked = (bench: Bench, wanted: readonly number[], asker = 7) => {
  bench.taken('changeOver')
  return bench.at(bench.raft.now, (raft) => raft.change(asker, wish(raft, wanted))).taken('changeOver')
}

test('what cannot be a group of members is refused', () => {
  const bench = leading()
  for (const wanted of [
    [],
    [1, 1, 2],
    [1, 0],
    [1, 1, 1, 1],
    [1, 1, 0, 1],
    [1, 1, 2.5, 1],
    [1, 4],
    [1, 1.5],
    [1, -1],
    [1, 3, 2, 2],
    members([1, 2, 3], [4, 5, 6, 7, 8, 9, 10]),
    members([1, 4], [3]),
  ]) {
    expect(asked(bench, wanted), wanted.join(' ')).toEqual([[7, Code.INVALID_ARGUMENT]])
  }
  expect(bench.raft.log.lastIndex).toBe(1)
})

test('members of both sets together are no more than there may be', () => {
  const bench = new Bench([1, 2, 3, 4], [], [5, 6, 7, 8, 9]).lead(2, 3).answers(1_000, 1, 2, 3, 4, 5, 6, 7, 8, 9)
  expect(asked(bench, members([1, 5, 6, 7, 8, 9], [10]))).toEqual([[7, Code.INVALID_ARGUMENT]])
  expect(asked(bench, members([1, 5, 6, 7, 8, 9]))).toEqual([])
  const most = leading().at(1_000, (raft) => raft.change(7, wish(raft, members([1, 2, 3], [4, 5, 6, 7, 8, 9]))))
  expect(most.raft.peers).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
})

test('no change begins before the first entry of the term is committed', () => {
  const bench = new Bench([1, 2, 3], [], [4]).lead(2)
  expect(asked(bench, members([1, 2, 3]))).toEqual([[7, Code.MEMBERS_CHANGING]])
  bench.answers(1_000, 1, 2)
  expect(asked(bench, members([1, 2, 3]))).toEqual([])
})

test('nor while leadership is handed over, and a transfer holds up the second entry of one', () => {
  const bench = leading().at(1_000, (raft) => raft.proposals(1, 1))
  bench.at(1_000, (raft) => raft.transfer(2))
  expect(asked(bench, members([1, 2, 3]))).toEqual([[7, Code.MEMBERS_CHANGING]])
  const other = leading()
  asked(other, members([1, 2, 4]))
  other.at(1_000, (raft) => raft.transfer(3)).at(1_000, (raft) => raft.reachedDisk(2, 1))
  other.answers(1_001, 2, 2, 4)
  expect([other.raft.commit, other.raft.log.lastIndex]).toEqual([2, 2])
  other.answers(1_450, 2, 2, 4).at(1_510)
  expect(other.raft.log.lastIndex).toBe(3)
})

test('a learner keeps up that has what was committed a heartbeat before the last', () => {
  const bench = leading()
  bench
    .at(1_001, (raft) => raft.proposals(4, 4))
    .at(1_001, (raft) => raft.reachedDisk(5, 1))
    .answers(1_002, 5, 2, 3)
  expect(bench.raft.commit).toBe(5)
  bench.answers(1_100, 5, 2, 3).at(1_100)
  bench.answers(1_101, 1, 4)
  const before = bench.raft.log.lastIndex
  bench.answers(1_199, 5, 2, 3).answers(1_199, 1, 4).at(1_200)
  expect(asked(bench, members([1, 2, 3, 4]))).toEqual([[7, Code.MEMBER_BEHIND]])
  bench.answers(1_201, 5, 4)
  expect(asked(bench, members([1, 2, 3, 4]))).toEqual([])
  expect(bench.raft.log.lastIndex).toBe(before + 1)
})

test('a learner that is looked for does not keep up', () => {
  const bench = new Bench([1, 2, 3], [], [4]).lead(2).answers(1_000, 1, 2, 3)
  expect(asked(bench, members([1, 2, 3, 4]))).toEqual([[7, Code.MEMBER_BEHIND]])
})

test('a majority of the voters that there would be must answer, this member too', () => {
  const bench = leading()
  for (let now = 1_100; now <= 1_600; now += 100) bench.answers(now - 1, 1, 2, 4).at(now)
  expect(asked(bench, members([1, 3]))).toEqual([[7, Code.QUORUM_AT_RISK]])
  expect(asked(bench, members([3, 2]))).toEqual([[7, Code.QUORUM_AT_RISK]])
  expect(asked(bench, members([1, 2]))).toEqual([])
})

const flatOf = (voters: number[]) => voters.flatMap((id) => [id, 1])

test('members that do not change are one entry, and learners too', () => {
  for (const [wanted, flat] of [
    [members([1, 2, 3], [4]), [1, 1, 2, 1, 3, 1, 4, 0]],
    [members([3, 2, 1]), [3, 1, 2, 1, 1, 1]],
  ] as const) {
    const bench = leading()
    bench.taken('configure')
    bench.at(1_000, (raft) => raft.change(7, wish(raft, wanted)))
    expect(bench.taken('configure')).toEqual([[7, 2, 1, flat]])
    bench.at(1_000, (raft) => raft.reachedDisk(2, 1)).answers(1_001, 2, 2)
    expect(bench.taken('changeOver')).toEqual([[7, Code.OK]])
    expect([bench.raft.log.lastIndex, bench.raft.role]).toEqual([2, Role.LEADER])
  }
})

test('a follower that gets several at once, in place of others, names the last ones alone, once they are in its log', () => {
  const bench = new Bench([1, 2, 3], [], [])
  const append = { kind: Message.APPEND, from: 2, previousIndex: 0, previousTerm: 0, handle: 5 }
  const entries = (...parts: number[][]) => parts.map((each, at) => ({ at, term: 0, parts: each }))
  bench.hears({ ...append, term: 1, runs: [1, 1], configurations: entries(flatOf([1, 2])) })
  expect(bench.taken('roster')).toEqual([[[1, 1, 2, 1]]])
  const several = entries(flatOf([1, 2, 3, 4]), flatOf([1, 3, 4]), flatOf([1, 3, 4, 5]))
  const order: string[] = []
  bench.hears({ ...append, from: 3, term: 2, runs: [2, 3], configurations: several })
  for (const [name, ...values] of bench.takenInOrder())
    if (name === 'append' || name === 'roster') order.push(`${name} ${values.at(-1)}`)
  expect(order).toEqual(['append 2,3', 'roster 1,1,3,1,4,1,5,1'])
})

test("the second entry of a change is nobody's wish", () => {
  const bench = leading()
  asked(bench, members([1, 2, 4]))
  bench
    .at(1_000, (raft) => raft.reachedDisk(2, 1))
    .answers(1_001, 2, 2, 4)
    .at(1_001)
  expect(bench.taken('configure').map(([asker]) => asker)).toEqual([0])
})

test('who asked is answered once, and when leadership is lost, that it may be', () => {
  const bench = leading()
  asked(bench, members([1, 2, 4]))
  expect(asked(bench, members([1, 2]), 8)).toEqual([[8, Code.MEMBERS_CHANGING]])
  bench.hears({ kind: Message.APPEND, from: 3, term: 2, previousIndex: 1, previousTerm: 1 })
  expect(bench.taken('changeOver')).toEqual([[7, Code.LEADER_LOST]])
  const other = leading()
  other.hears({ kind: Message.APPEND, from: 3, term: 2, previousIndex: 1, previousTerm: 1 })
  expect(other.taken('changeOver')).toEqual([])
})

test('a leader that leaves ends its lease, says so to a voter that has everything, and to nobody else', () => {
  const removed = (...haveAll: number[]) => {
    const bench = leading()
    bench.at(1_000, (raft) => raft.change(7, wish(raft, members([2, 3]))))
    bench.at(1_000, (raft) => raft.reachedDisk(2, 1)).answers(1_001, 2, 2, 3)
    bench.at(1_001, (raft) => raft.reachedDisk(3, 1)).at(1_001, (raft) => raft.proposals(1, 1))
    bench.taken('send')
    for (const id of [2, 3]) bench.answers(1_002, haveAll.includes(id) ? 4 : 3, id)
    const told = bench.taken('send').filter(([, message]) => (message as Outgoing).kind === Message.TIMEOUT_NOW)
    return [bench.raft.role, bench.raft.commit >= 3, told.map(([to]) => to)]
  }
  expect(removed(2, 3)).toEqual([Role.FOLLOWER, true, [2]])
  expect(removed(3)).toEqual([Role.FOLLOWER, true, [3]])
  expect(removed()).toEqual([Role.FOLLOWER, true, []])
})

test('who promises nothing does not count as one that answers, nor becomes a voter', () => {
  const asked = (promise: number, ...voters: number[]) => {
    const bench = new Bench([1, 2, 3], [], [4]).lead(2)
    bench.answers(1_000, 1, 2)
    for (const from of [3, 4]) {
      const answer = { term: bench.raft.term, index: 1, round: bench.raft.round, promise, previousIndex: 1 }
      bench.hears({ kind: Message.APPEND_REPLY, from, ...answer })
    }
    const parts = voters.flatMap((id) => [id, 1])
    bench.at(1_000, (raft) => raft.change(9, { from: 0, isForced: false, parts }))
    return bench.taken('changeOver')
  }
  expect(asked(500, 1, 3)).toEqual([])
  expect(asked(0, 1, 3)).toEqual([[9, Code.QUORUM_AT_RISK]])
  expect(asked(500, 1, 2, 3, 4)).toEqual([])
  expect(asked(0, 1, 2, 3, 4)).toEqual([[9, Code.MEMBER_BEHIND]])
  // Who has not answered yet since it was elected may be there.
  const early = new Bench([1, 2, 3], [], []).lead(2).answers(1_000, 1, 2)
  early.at(1_000, (raft) => raft.change(9, { from: 0, isForced: false, parts: [1, 1, 3, 1] }))
  expect(early.taken('changeOver')).toEqual([])
})

test('who is elected by its own vote alone sends no entries before its term is on its disk', () => {
  const first = (bench: Bench) => bench.taken('send').filter(([, message]) => (message as { end?: number }).end !== 0)
  const alone = new Bench([1], [], [2]).at(1_000, (raft) => raft.campaign(true))
  expect(alone.raft.role).toBe(Role.LEADER)
  alone.at(1_000, (raft) => raft.proposals(1, 1))
  expect(first(alone)).toEqual([])
  alone.at(1_001, (raft) => raft.reachedDisk(1, 1))
  expect(first(alone).map(([to]) => to)).toEqual([2])
  const three = new Bench([1, 2, 3], [], []).at(1_000, (raft) => raft.campaign(true))
  three.taken('send')
  expect(first(three.votes(2)).map(([to]) => to)).toEqual([2, 3])
})

test('a configuration goes with its entry: what the log already has changes nothing', () => {
  const bench = new Bench([1, 2, 3], [], [])
  const configurations = [
    { at: 0, term: 0, parts: [1, 1, 2, 1, 3, 1, 4, 0] },
    { at: 2, term: 0, parts: [1, 1, 2, 1, 4, 1] },
  ]
  const append = { kind: Message.APPEND, from: 2, term: 1, handle: 5, runs: [1, 3], configurations } as const
  bench.hears(append)
  const current = () => [bench.raft.configurations.current.index, bench.raft.configurations.current.term]
  expect(current()).toEqual([3, 1])
  expect(bench.raft.peers).toEqual([2, 4])
  bench.taken('roster')
  bench.hears({ ...append, handle: 6 })
  expect(bench.taken('roster')).toEqual([])
  // Another leader's first entry stays, what follows is replaced.
  bench.hears({ ...append, from: 3, term: 2, handle: 7, runs: [2, 1], previousIndex: 1, previousTerm: 1, configurations: [] })
  expect(current()).toEqual([1, 1])
  expect(bench.raft.peers).toEqual([2, 3, 4])
})

test('an append with members that cannot be is not believed', () => {
  const bench = new Bench([1, 2, 3], [], [])
  const good = { at: 0, term: 0, parts: [1, 1] }
  const refused = (...configurations: { at: number; term: number; parts: number[] }[]) => {
    const before = bench.raft.refused
    bench.hears({ kind: Message.APPEND, from: 2, term: 1, handle: 5, runs: [1, 2], configurations })
    return bench.raft.refused > before
  }
  expect(refused({ ...good, at: 2 })).toBe(true)
  expect(refused({ ...good, at: -1 })).toBe(true)
  expect(refused({ ...good, at: 0.5 })).toBe(true)
  expect(refused(good, good)).toBe(true)
  expect(refused({ ...good, at: 1 }, good)).toBe(true)
  expect(refused({ ...good, parts: [1, 0] })).toBe(true)
  expect(refused({ ...good, parts: [1, 4] })).toBe(true)
  expect(refused(good, { ...good, at: 1, parts: [2, 1] })).toBe(false)
})

test('a member starts with the configuration of its store and those of its log, and cuts back to what is committed', () => {
  const configurations = [
    { at: 4, term: 1, parts: [1, 1, 2, 1, 5, 1] },
    { at: 7, term: 2, parts: [1, 1, 2, 1, 6, 1] },
  ]
  const opened = { term: 2, commit: 5, applied: 5, lastIndex: 8, runs: [1, 1, 7, 2], configurations }
  const bench = new Bench([1, 2, 3], [], [], false, opened)
  expect([bench.raft.peers, bench.taken('roster')]).toEqual([[2, 6], [[[1, 1, 2, 1, 6, 1]]]])
  bench.hears({ kind: Message.APPEND, from: 2, term: 3, handle: 5, runs: [3, 1], previousIndex: 6, previousTerm: 1 })
  expect(bench.raft.peers).toEqual([2, 5])
})

test('who left for good does not campaign, and who may be needed does', () => {
  const campaigns = (commit: number) => {
    const configurations = [{ at: 4, term: 1, parts: [2, 1, 3, 1] }]
    const opened = { term: 1, commit, applied: 3, lastIndex: 4, runs: [1, 1], configurations }
    const bench = new Bench([1, 2, 3], [], [], false, opened).at(9_000)
    return bench.raft.role === Role.CANDIDATE
  }
  expect([campaigns(3), campaigns(4)]).toEqual([true, false])
})

test('a member that has lost its votes goes on with the members that the leader counts, and no others', () => {
  const recovers = (configurationIndex: number, configurationTerm: number, ...from: number[]) => {
    const configurations = [{ at: 4, term: 1, parts: [1, 1, 2, 1, 3, 1] }]
    // Of a snapshot that was on its way when it lost its directory.
    const opened = { term: 1, snapshotIndex: 4, snapshotTerm: 1, applied: 4, lastIndex: 4, configurations, recovering: true }
    const bench = new Bench([1, 2, 5], [], [], false, opened).at(1_000).at(20_000)
    const { nonce } = bench.taken('send').at(-1)![1] as Outgoing & { nonce: number }
    const answer = {
      kind: Message.RECOVER_REPLY,
      nonce,
      term: 3,
      lastIndex: 9,
      whole: true,
      configurationIndex,
      configurationTerm,
    }
    for (const id of from) bench.hears({ ...answer, from: id, leads: id === 2 })
    return bench.raft.term === 3
  }
  expect(recovers(4, 1, 2, 3)).toBe(true)
  expect(recovers(0, 0, 2, 3)).toBe(false)
  expect(recovers(4, 2, 2, 3)).toBe(false)
  expect(recovers(5, 1, 2, 3)).toBe(false)
  expect(recovers(4, 1, 2, 5)).toBe(false)
})

test('who has a snapshot that was on its way knows that the cluster is not new', () => {
  const founds = (opened: object) => {
    const bench = new Bench([1, 2, 3], [], [], false, { ...opened, recovering: true }).at(1_000)
    const { nonce } = bench.taken('send').at(-1)![1] as Outgoing & { nonce: number }
    for (const from of [2, 3]) bench.hears({ kind: Message.RECOVER_REPLY, nonce, from, term: 0 })
    return bench.raft.recovery === null
  }
  expect(founds({})).toBe(true)
  expect(founds({ term: 1, snapshotIndex: 1, snapshotTerm: 1, applied: 1, lastIndex: 1 })).toBe(false)
})

test('once members have changed it waits until votes have expired, whoever has answered', () => {
  const prompt = (configurationIndex: number, opened: object, othersIndex = 0) => {
    const bench = new Bench([1, 2, 3], [], [], false, { ...opened, recovering: true }).at(1_000)
    const { nonce } = bench.taken('send').at(-1)![1] as Outgoing & { nonce: number }
    const answer = { kind: Message.RECOVER_REPLY, nonce, term: 3, lastIndex: 9, whole: true }
    bench.hears({ ...answer, from: 3, configurationIndex: othersIndex, configurationTerm: 0 })
    bench.hears({ ...answer, from: 2, leads: true, configurationIndex, configurationTerm: configurationIndex === 0 ? 0 : 1 })
    return bench.raft.term === 3
  }
  const changed = { term: 1, snapshotIndex: 4, snapshotTerm: 1, applied: 4, lastIndex: 4 }
  const configurations = [{ at: 4, term: 1, parts: [1, 1, 2, 1, 3, 1] }]
  expect(prompt(0, {})).toBe(true)
  expect(prompt(0, {}, 5)).toBe(false)
  expect(prompt(4, { ...changed, configurations })).toBe(false)
})
