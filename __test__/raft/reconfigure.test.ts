// A core that is told of other members while it runs: who counts, who is sent to, and what becomes of what was under way.
import { expect, test } from 'vitest'
import { Code } from '../../src/codes.js'
import type { Outgoing } from '../../src/raft/message.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { Voters } from '../../src/raft/voters.js'
import { Bench } from './voting-bench.js'
import { wish } from './wish.js'

/** The leader of three, whose no-op is committed. */
const leading = (leaseReads = false) => new Bench([1, 2, 3], [], [], leaseReads).lead(2).answers(1_000, 1, 2, 3)
/** To whom something of `kind` was sent since the last look. */
const sentTo = (bench: Bench, kind: number) =>
  bench
    .taken('send')
    .filter(([, message]) => (message as Outgoing).kind === kind)
    .map(([to]) => to)

test('the plane is told who is a member, and who of them votes', () => {
  const bench = leading().reconfigure(new Voters([1, 2], [2, 3], [4]))
  expect(bench.taken('roster')).toEqual([[[1, 1, 2, 1, 3, 1, 4, 0]]])
})

test('a member that joins is sent what the log has, and counts from then on', () => {
  const bench = leading()
  bench.taken('send')
  bench.reconfigure(new Voters([1, 2, 3, 4, 5]))
  expect(sentTo(bench, Message.APPEND)).toEqual([4, 5])
  bench.at(1_010, (raft) => raft.proposals(1, 5)).at(1_010, (raft) => raft.reachedDisk(2, 1))
  expect(bench.answers(1_011, 2, 2).raft.commit).toBe(1)
  expect(bench.answers(1_011, 2, 4).raft.commit).toBe(2)
})

test('a member that leaves is sent nothing more, is not listened to, and does not count', () => {
  const bench = leading()
  bench.taken('send')
  bench.reconfigure(new Voters([1, 2, 4]))
  bench.at(1_010, (raft) => raft.proposals(1, 5)).at(1_010, (raft) => raft.reachedDisk(2, 1))
  expect(bench.answers(1_011, 2, 3).raft.commit).toBe(1)
  bench.at(1_100)
  expect(sentTo(bench, Message.APPEND).includes(3)).toBe(false)
  expect(bench.answers(1_101, 2, 2).raft.commit).toBe(2)
})

test('who stays keeps its progress: its entries are sent without looking for the end of its log again', () => {
  const bench = leading().reconfigure(new Voters([1, 2, 3, 4]))
  bench.taken('send')
  bench.at(1_010, (raft) => raft.proposals(1, 5)).at(1_010, (raft) => raft.proposals(1, 5))
  expect(sentTo(bench, Message.APPEND)).toEqual([2, 3, 2, 3])
})

test('while voters change a majority of each set decides, and then the new one', () => {
  const bench = leading().reconfigure(new Voters([3, 4, 5], [1, 2, 3]))
  bench.at(1_010, (raft) => raft.proposals(1, 5)).at(1_010, (raft) => raft.reachedDisk(2, 1))
  expect(bench.answers(1_011, 2, 4, 5).raft.commit).toBe(1)
  expect(bench.answers(1_011, 2, 2).raft.commit).toBe(2)
  bench.at(1_012, (raft) => raft.proposals(1, 5)).at(1_012, (raft) => raft.reachedDisk(3, 1))
  expect(bench.answers(1_013, 3, 4, 5).raft.commit).toBe(2)
  expect(bench.reconfigure(new Voters([3, 4, 5])).raft.commit).toBe(3)
})

test('a leader that leaves goes on without counting itself until that is committed, and does not campaign afterwards', () => {
  const bench = leading().at(1_010, (raft) => raft.change(7, wish(raft, [2, 1, 3, 1])))
  bench.at(1_010, (raft) => raft.reachedDisk(2, 1)).answers(1_011, 2, 2, 3)
  bench.at(1_012, (raft) => raft.reachedDisk(3, 1)).answers(1_012, 3, 2)
  expect([bench.raft.log.lastIndex, bench.raft.commit, bench.raft.role]).toEqual([3, 2, Role.LEADER])
  bench.answers(1_013, 3, 3)
  expect([bench.raft.commit, bench.raft.role]).toEqual([3, Role.FOLLOWER])
  for (let now = 1_100; now <= 9_000; now += 100) bench.at(now)
  expect([bench.raft.role, bench.raft.term]).toEqual([Role.FOLLOWER, 1])
})

test('a member that joins has an election timeout to be heard', () => {
  const bench = leading()
  for (let now = 1_100; now <= 2_000; now += 100) bench.answers(now - 1, 1, 2, 3).at(now)
  bench.reconfigure(new Voters([1, 4, 5]))
  bench.at(2_400)
  expect(bench.raft.role).toBe(Role.LEADER)
  bench.at(2_600)
  expect(bench.raft.role).toBe(Role.FOLLOWER)
})

test('a lease ends with the promises that it rested on', () => {
  const lease = (voters: Voters) => {
    const bench = leading(true).at(1_050, (raft) => raft.reachedStateMachine(1))
    bench.at(1_100).answers(1_101, 1, 2, 3)
    expect(bench.taken('lease').at(-1)).toEqual([1_550])
    return bench.reconfigure(voters).taken('lease')
  }
  expect(lease(new Voters([1, 2, 4]))).toEqual([])
  expect(lease(new Voters([1, 4, 5]))).toEqual([[0]])
  expect(lease(new Voters([1, 2, 3], [1, 4, 5]))).toEqual([[0]])
})

test('a transfer to a member that does not vote any more is over, and what waited for its end is taken', () => {
  const over = (voters: Voters) => {
    const bench = leading().at(1_010, (raft) => raft.proposals(1, 5))
    bench.at(1_010, (raft) => raft.transfer(3)).at(1_010, (raft) => raft.proposals(1, 5))
    bench.reconfigure(voters)
    return [bench.taken('transferOver'), bench.raft.log.lastIndex]
  }
  expect(over(new Voters([1, 2], [], [3]))).toEqual([[[3, Code.MEMBER_UNKNOWN]], 3])
  expect(over(new Voters([1, 3]))).toEqual([[], 2])
})

test('without a transfer under way none is said to be over', () => {
  expect(
    leading()
      .reconfigure(new Voters([1, 2]))
      .taken('transferOver'),
  ).toEqual([])
})

test('a candidate asks anew, the others', () => {
  const bench = new Bench([1, 2, 3], [], []).at(1_000, (raft) => raft.campaign(true))
  bench.reconfigure(new Voters([1, 4, 5]))
  expect([bench.raft.role, bench.raft.leader]).toEqual([Role.FOLLOWER, 0])
  bench.taken('send')
  bench.at(9_000)
  expect(sentTo(bench, Message.PRE_VOTE)).toEqual([4, 5])
})

test('a follower goes on with its leader', () => {
  const bench = new Bench([1, 2, 3], [], []).hears({ kind: Message.APPEND, from: 2, term: 1 })
  bench.reconfigure(new Voters([1, 2, 4]))
  expect([bench.raft.role, bench.raft.leader]).toEqual([Role.FOLLOWER, 2])
})

test('a member that recovers waits for no answer of one that has left', () => {
  const bench = new Bench([1, 2, 3, 4], [], [], false, { recovering: true }).at(1_000)
  const { nonce } = bench.taken('send')[0]![1] as Outgoing & { nonce: number }
  const answer = { kind: Message.RECOVER_REPLY, nonce, term: 0, lastIndex: 0, leads: false, whole: false }
  const answered = (from: number) => bench.hears({ ...answer, from }).raft.recovery === null
  expect([answered(4), answered(2)]).toEqual([false, false])
  bench.reconfigure(new Voters([1, 2, 3]))
  expect(bench.raft.recovery === null).toBe(false)
  expect(answered(3)).toBe(true)
})
