// What the entries of a change say of each member, from which configuration a wish may start, and what a leader does no more once it has left:
// beside change.test.ts.
import { expect, test } from 'vitest'
import { Code } from '../../src/codes.js'
import type { Outgoing } from '../../src/raft/message.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { Voters } from '../../src/raft/voters.js'
import { Bench } from './voting-bench.js'
import { wish } from './wish.js'

const PRIORITY = 256

/** The leader of three and a learner, all of whom have its no-op. */
const leading = () => new Bench([1, 2, 3], [], [4]).lead(2).answers(1_000, 1, 2, 3, 4)

test('who stays has at once what was wished for, who leaves is until then what it was', () => {
  const priorities = new Map([
    [2, 1],
    [3, 2],
  ])
  const bench = leading().reconfigure(new Voters([1, 2, 3], [], [4], [], priorities))
  bench.taken('configure')
  bench.at(1_000, (raft) => raft.change(7, wish(raft, [1, 1, 2, 1 + 3 * PRIORITY, 4, 1])))
  // Incoming is 1, outgoing 2.
  const [[, , , parts] = []] = bench.taken('configure')
  expect(parts).toEqual([1, 3, 2, 3 + 3 * PRIORITY, 4, 1, 3, 2 + 2 * PRIORITY])
})

test('a wish that starts from other members than those in force is refused', () => {
  const bench = leading()
  bench.at(1_000, (raft) => raft.change(7, wish(raft, [1, 1, 2, 1, 3, 1])))
  bench.at(1_000, (raft) => raft.reachedDisk(2, 1)).answers(1_001, 2, 2)
  bench.taken('changeOver')
  const asks = (from: number) =>
    bench
      .at(1_001, (raft) => raft.change(8, { from, isForced: false, parts: [1, 1, 2, 1] }))
      .taken('changeOver')
      .map(([, code]) => code)
  expect(asks(0)).toEqual([Code.MEMBERS_CHANGING])
  expect(asks(2)).toEqual([])
})

test('force makes members of whom too few answer', () => {
  const silent = () => {
    const bench = leading()
    for (let now = 1_100; now <= 1_600; now += 100) bench.answers(now - 1, 1, 2, 4).at(now)
    bench.taken('changeOver')
    return bench
  }
  const asks = (isForced: boolean) =>
    silent()
      .at(1_600, (raft) => raft.change(7, { from: 0, isForced, parts: [1, 1, 3, 1] }))
      .taken('changeOver')
  expect([asks(false), asks(true)]).toEqual([[[7, Code.QUORUM_AT_RISK]], []])
})

test('who has answered an election timeout ago still answers', () => {
  const asks = (now: number) =>
    leading()
      .at(now, (raft) => raft.change(7, wish(raft, [1, 1, 2, 1])))
      .taken('changeOver')
  expect([asks(1_500), asks(1_501)]).toEqual([[], [[7, Code.QUORUM_AT_RISK]]])
})

test('a new leader goes on with what another began only once its own first entry is committed', () => {
  const configurations = [{ at: 2, term: 1, parts: [1, 3, 2, 3, 3, 2, 4, 1] }]
  const opened = { term: 1, commit: 2, applied: 2, lastIndex: 2, runs: [1, 1], configurations }
  const bench = new Bench([1, 2, 3], [], [4], false, opened).at(2_000, (raft) => raft.campaign(true)).votes(2, 3, 4)
  expect(bench.raft.role).toBe(Role.LEADER)
  expect(bench.taken('configure')).toEqual([])
  bench.at(2_001, (raft) => raft.reachedDisk(3, 2)).answers(2_001, 3, 2, 3, 4)
  expect(bench.taken('configure').map(([asker, index]) => [asker, index])).toEqual([[0, 4]])
})

test('a leader that has left sends nothing but the word to campaign, and to nobody who only learns', () => {
  const left = (...haveAll: number[]) => {
    const bench = leading()
    bench.at(1_000, (raft) => raft.change(7, wish(raft, [2, 1, 3, 1, 4, 0])))
    bench.at(1_000, (raft) => raft.reachedDisk(2, 1)).answers(1_001, 2, 2, 3)
    bench.at(1_001, (raft) => raft.reachedDisk(3, 1)).at(1_001, (raft) => raft.proposals(1, 1))
    for (const id of [4, 2]) bench.answers(1_002, haveAll.includes(id) ? 4 : 3, id)
    bench.taken('send')
    bench.answers(1_002, haveAll.includes(3) ? 4 : 3, 3)
    expect(bench.raft.role).toBe(Role.FOLLOWER)
    return bench.taken('send').map(([to, message]) => [to, (message as Outgoing).kind])
  }
  expect(left(4)).toEqual([])
  expect(left(3, 4)).toEqual([[3, Message.TIMEOUT_NOW]])
})
