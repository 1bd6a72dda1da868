// What a core makes of its disk when it starts: nothing that was promised is taken back, and what cannot be is refused.
import { expect, test } from 'vitest'
import type { Commands } from '../../src/raft/commands.js'
import type { RaftConfig } from '../../src/raft/config.js'
import type { Opened } from '../../src/raft/opened.js'
import { Raft } from '../../src/raft/raft.js'
import { Message } from '../../src/raft/raft-kinds.js'
import { arrived } from './arrived.js'

const CONFIG: RaftConfig = {
  ...{ id: 1, members: [1, 2, 3], group: 0, heartbeatInterval: 100, electionTimeout: 500, leaseReads: true, logRetainBytes: 0 },
  ...{ promisedBefore: 500, voteLifeMax: 1_000, seed: 1 },
}
const EMPTY: Opened = {
  ...{ term: 0, vote: 0, commit: 0, snapshotIndex: 0, snapshotTerm: 0, lastIndex: 0, applied: 0, recovering: false, runs: [] },
}
/** Entries 11 to 14 of term 2 and 15 to 20 of term 3 after a snapshot. */
const OLD: Opened = {
  ...{ term: 3, vote: 2, commit: 16, snapshotIndex: 10, snapshotTerm: 2, lastIndex: 20, applied: 12, recovering: false },
  runs: [11, 2, 15, 3],
}

function opened(change: Partial<Opened>, config: Partial<RaftConfig> = {}) {
  const commands: unknown[][] = []
  const out = new Proxy({} as Commands, {
    get:
      (_, name) =>
      (...values: unknown[]) =>
        void commands.push([name, ...values]),
  })
  const raft = new Raft({ ...CONFIG, ...config }, out, 1_000, { ...EMPTY, ...change })
  return { raft, commands }
}

test('it begins where it was', () => {
  const { raft, commands } = opened(OLD)
  const { term, vote, leader, commit, durable, applied, log } = raft
  expect([term, vote, leader, commit, durable, applied]).toEqual([3, 2, 0, 16, 20, 12])
  expect([log.baseIndex, log.baseTerm, log.lastIndex, log.lastTerm]).toEqual([10, 2, 20, 3])
  expect(log.runs).toEqual([
    [11, 2],
    [15, 3],
  ])
  raft.flush()
  // What the store does not hold yet is handed over before a leader is known; nothing has to be written.
  expect(commands).toEqual([
    ['role', 0, 3, 0],
    ['commit', 16],
  ])
})

test('it gives no vote for an election timeout, and does not campaign before', () => {
  const { raft } = opened(OLD)
  expect(raft.stickyUntil).toBe(1_500)
  expect(raft.deadline).toBeGreaterThan(1_499.9)
  expect(raft.deadline).toBeLessThan(1_875)
})

test('what an earlier life promised is kept, however long it was', () => {
  const longer = opened(OLD, { promisedBefore: 2_000 }).raft
  expect([longer.stickyUntil, longer.deadline, longer.promise]).toEqual([3_000, 3_000, 500])
  expect(opened(OLD, { promisedBefore: 0 }).raft.stickyUntil).toBe(1_500)
})

test('the only member campaigns at once, also on a new directory', () => {
  const { raft, commands } = opened(OLD, { members: [1] })
  expect(raft.deadline).toBe(1_000)
  raft.tick()
  raft.flush()
  expect([raft.role, raft.term, raft.log.lastIndex]).toEqual([2, 4, 21])
  expect(commands.find(([name]) => name === 'persist')).toEqual(['persist', 4, 1, 16])
  const anew = opened({ recovering: true }, { members: [1] })
  expect(anew.raft.recovery).toBe(null)
  expect(anew.commands.map(([name]) => name)).toEqual(['role', 'recovered'])
})

test('who has become the only voter waits for what it promised a leader that leaves', () => {
  const configurations = [{ at: 20, term: 3, parts: [1, 1] }]
  const { raft } = opened({ ...OLD, configurations }, { members: [1, 2, 3] })
  expect(raft.peers).toEqual([])
  expect(raft.deadline).toBeGreaterThanOrEqual(1_500)
})

test('a snapshot may be ahead of everything else', () => {
  const { raft, commands } = opened({ ...OLD, snapshotIndex: 20, snapshotTerm: 5, applied: 7, commit: 9, runs: [] })
  expect([raft.term, raft.vote, raft.commit, raft.applied, raft.durable]).toEqual([5, 0, 20, 20, 20])
  raft.flush()
  expect(commands.at(-1)).toEqual(['persist', 5, 0, 20])
})

test('the state machine may be ahead of the commit index that was written', () => {
  const { raft, commands } = opened({ ...OLD, applied: 18 })
  expect([raft.commit, raft.applied]).toEqual([18, 18])
  raft.flush()
  expect(commands).toEqual([['role', 0, 3, 0]])
})

test('who may have lost the end of its log believes only what its state machine has', () => {
  const { raft } = opened({ ...OLD, recovering: true, commit: 25 })
  expect([raft.commit, raft.applied, raft.term, raft.vote, raft.log.lastIndex]).toEqual([12, 12, 3, 2, 20])
  expect(raft.recovery === null).toBe(false)
})

test('who may have lost the end of its log keeps the vote that it knows it gave', () => {
  const entered = (vote: number) => {
    const { raft } = opened({ ...OLD, recovering: true, vote })
    for (const from of [2, 3]) {
      const answer = { nonce: raft.life, lastIndex: 30, leads: from === 2, whole: true }
      raft.receive(arrived({ kind: Message.RECOVER_REPLY, from, term: 3, ...answer }))
    }
    raft.flush()
    return [raft.term, raft.vote]
  }
  expect([entered(2), entered(1), entered(0)]).toEqual([
    [3, 2],
    [3, 1],
    [3, 1],
  ])
})

test.each<[string, Partial<Opened>]>([
  ['term runs follow each other', { runs: [12, 2, 15, 3] }],
  ['terms of the log ascend', { runs: [11, 2, 11, 3] }],
  ['term runs reach the last index', { runs: [] }],
  ['the log has no term above the current', { term: 2 }],
  ['order of indexes', { commit: 21 }],
  ['order of indexes', { applied: 21 }],
])('refused: %s', (invariant, change) => {
  expect(() => opened({ ...OLD, ...change })).toThrow(invariant)
})

test('each life has a number of its own', () => {
  const lives = [opened(OLD), opened(OLD, { id: 2 }), opened(OLD, { group: 1 }), opened(OLD, { seed: 2 })].map(
    ({ raft }) => raft.life,
  )
  expect(new Set(lives).size).toBe(4)
  for (const life of lives) {
    expect(Number.isInteger(life)).toBe(true)
    expect(life).toBeGreaterThan(0)
    expect(life).toBeLessThan(2 ** 32)
  }
})

test('what the state machine reports does not go back, and what the store holds is in it', () => {
  const { raft } = opened(OLD)
  raft.flush()
  raft.reachedStateMachine(15)
  raft.reachedStateMachine(14)
  expect(raft.applied).toBe(15)
  raft.persisted(16, 0)
  expect(raft.applied).toBe(16)
  expect(() => raft.reachedStateMachine(17)).toThrow('applied ≤ committed')
})
