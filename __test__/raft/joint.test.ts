// A core whose voters are changing, or that has learners: who elects it, commits, confirms its reads and keeps it in power.
import { expect, test } from 'vitest'
import type { Outgoing } from '../../src/raft/message.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { Bench } from './voting-bench.js'

const changing = (leaseReads = false) => new Bench([1, 2, 3], [3, 4, 5], [6], leaseReads)

test('votes of a majority of each set elect, and no others', () => {
  const bench = changing().at(1_000, (raft) => raft.campaign(true))
  const asked = bench.taken('send').map(([to, message]) => [to, (message as Outgoing).kind])
  expect(asked).toEqual([2, 3, 4, 5].map((to) => [to, Message.VOTE]))
  expect(bench.votes(2, 6).raft.role).toBe(Role.CANDIDATE)
  expect(bench.votes(4).raft.role).toBe(Role.CANDIDATE)
  expect(bench.votes(5).raft.role).toBe(Role.LEADER)
})

test('an entry is committed when a majority of each set has it', () => {
  const bench = changing().lead(3, 4)
  expect(bench.answers(1_000, 1, 2, 6).raft.commit).toBe(0)
  expect(bench.answers(1_000, 1, 4).raft.commit).toBe(0)
  expect(bench.answers(1_000, 1, 5).raft.commit).toBe(1)
})

test('reads are confirmed by a majority of each set', () => {
  const bench = changing().lead(3, 4).answers(1_000, 1, 3, 4)
  bench.at(1_000, (raft) => raft.reads(7))
  expect(bench.answers(1_001, 1, 2, 6).taken('serveReads')).toEqual([])
  expect(bench.answers(1_001, 1, 4).taken('serveReads')).toEqual([])
  expect(bench.answers(1_001, 1, 5).taken('serveReads')).toEqual([[7, 1]])
})

test('a lease rests on promises of a majority of each set', () => {
  const bench = changing(true).lead(3, 4).answers(1_000, 1, 3, 4)
  bench.at(1_050, (raft) => raft.reachedStateMachine(1)).taken('lease')
  bench.at(1_100)
  expect(bench.answers(1_101, 1, 2, 6).taken('lease')).toEqual([])
  expect(bench.answers(1_101, 1, 4, 5).taken('lease')).toEqual([[1_550]])
})

test('a leader that hears a majority of one set only steps down', () => {
  const role = (...from: number[]) => {
    const bench = changing().lead(3, 4).answers(1_000, 1, 3, 4)
    for (let now = 1_100; now <= 1_700; now += 100) {
      if (bench.raft.role === Role.LEADER) bench.answers(now - 1, 1, ...from)
      bench.at(now)
    }
    return bench.raft.role
  }
  expect([role(2, 6), role(4, 5, 6), role(2, 4, 5)]).toEqual([Role.FOLLOWER, Role.FOLLOWER, Role.LEADER])
})

test('a member that is on its way out does not count in the incoming set', () => {
  const bench = new Bench([2, 3], [1, 2, 3], []).lead(2, 3)
  expect(bench.answers(1_000, 1, 2).raft.commit).toBe(0)
  expect(bench.answers(1_000, 1, 3).raft.commit).toBe(1)
})

test('a learner does not campaign, and gets no leadership', () => {
  const learner = new Bench([2, 3], [], [1])
  learner.at(9_000)
  expect([learner.raft.role, learner.raft.term, learner.taken('send')]).toEqual([Role.FOLLOWER, 0, []])
  expect(learner.raft.deadline).toBeGreaterThan(9_000)
  const leader = new Bench([1, 2, 3], [], [4]).lead(2)
  leader.at(1_000, (raft) => raft.transfer(4))
  expect(leader.taken('transferOver').length).toBe(1)
})

test('a leader that hangs hands over to a voter, whatever a learner has', () => {
  const bench = new Bench([1, 2, 3], [], [4]).lead(2, 3).answers(1_000, 1, 2, 3, 4)
  bench.at(1_000, (raft) => raft.proposals(5, 5))
  for (let now = 1_100; now <= 1_800; now += 100)
    bench
      .answers(now - 1, 3, 2, 3)
      .answers(now - 1, 6, 4)
      .at(now)
  bench.answers(1_801, 6, 2)
  const told = bench.taken('send').filter(([, message]) => (message as Outgoing).kind === Message.TIMEOUT_NOW)
  expect(told.map(([to]) => to)).toEqual([2])
})

test('who is the only voter needs nobody, and sends entries to its learners', () => {
  const bench = new Bench([1], [], [2]).at(1_000, (raft) => raft.campaign(true))
  expect(bench.raft.role).toBe(Role.LEADER)
  bench.at(1_000, (raft) => raft.reachedDisk(1, 1))
  expect(bench.raft.commit).toBe(1)
  expect(bench.taken('send').some(([to]) => to === 2)).toBe(true)
  bench.at(1_000, (raft) => raft.reads(7))
  expect(bench.taken('serveReads')).toEqual([[7, 1]])
  expect(bench.at(9_000).raft.role).toBe(Role.LEADER)
})
