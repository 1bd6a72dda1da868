// How long a core waits, for whom, and for what: to the millisecond. Driven event by event, with the commands written down.
import { describe, expect, test } from 'vitest'
import type { Commands } from '../../src/raft/commands.js'
import type { RaftConfig } from '../../src/raft/config.js'
import type { Outgoing } from '../../src/raft/message.js'
import { Raft } from '../../src/raft/raft.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { type Arrival, arrived } from './arrived.js'

const EMPTY = {
  ...{ term: 0, vote: 0, commit: 0, snapshotIndex: 0, snapshotTerm: 0, lastIndex: 0, applied: 0, recovering: false, runs: [] },
}

/** One core; time begins at 1,000 ms, with heartbeats on each 100 and election timeouts of 500. */
class Bench {
  readonly raft: Raft
  readonly commands: unknown[][] = []
  readonly #sent: [number, Outgoing][] = []

  constructor(members = 3, change: Partial<RaftConfig> = {}) {
    const out = new Proxy({} as Commands, {
      get:
        (_, name) =>
        (...values: unknown[]) => {
          if (name === 'send') this.#sent.push(values as unknown as [number, Outgoing])
          else this.commands.push([name, ...values])
        },
    })
    const times = { heartbeatInterval: 100, electionTimeout: 500, promisedBefore: 500, voteLifeMax: 10_000 }
    const ids = Array.from({ length: members }, (_, i) => i + 1)
    const config = { ...times, id: 1, members: ids, group: 0, leaseReads: false, logRetainBytes: 1_000, seed: 1, ...change }
    this.raft = new Raft(config, out, 1_000, EMPTY)
  }

  /** One step. */
  at(now: number, events: (raft: Raft) => void = (raft) => raft.tick()): this {
    this.raft.now = now
    events(this.raft)
    this.raft.flush()
    return this
  }

  receive(now: number, said: Arrival): this {
    return this.at(now, (raft) => raft.receive(arrived(said)))
  }

  /** A follower has `match` entries of the leader on its disk. */
  answer(now: number, from: number, match: number): this {
    return this.receive(now, { from, kind: Message.APPEND_REPLY, index: match, round: this.raft.round, promise: 500 })
  }

  /** Follower 2 lacks the entry at `previous`, and may agree up to `hint`. */
  reject(now: number, hint: number, previous: number): this {
    const answer = { index: hint, rejected: true, hintTerm: 1, round: this.raft.round, promise: 500, previousIndex: previous }
    return this.receive(now, { kind: Message.APPEND_REPLY, ...answer })
  }

  /** Elected at 1,000 with its no-op on disk, committed and applied, and so many entries more that are on no disk. */
  lead(entries: number): this {
    this.at(1_000, (raft) => raft.campaign(true))
    for (let from = 2; this.raft.role !== Role.LEADER; from += 1) {
      this.receive(1_000, { from, kind: Message.VOTE_REPLY, granted: true, life: this.raft.life })
    }
    this.at(1_000, (raft) => raft.reachedDisk(1, 1))
    for (const peer of this.raft.peers) this.answer(1_000, peer, 1)
    this.at(1_000, (raft) => raft.reachedStateMachine(1))
    if (entries > 0) this.at(1_000, (raft) => raft.proposals(entries, entries))
    this.sent()
    return this
  }

  /** What was sent since the last call: receiver, kind, and for appends the index before the first. */
  sent(): [number, number, number][] {
    return this.#sent
      .splice(0)
      .map(([to, message]) => [to, message.kind, message.kind === Message.APPEND ? message.previousIndex : 0])
  }

  /** The last index that was cut off. */
  get base(): number {
    return this.raft.log.baseIndex
  }
}

describe('the log is held', () => {
  /** Follower 2 has half of 101 entries, 3 has all. */
  const lagging = () => {
    const bench = new Bench().lead(100)
    bench
      .at(1_010, (raft) => raft.reachedDisk(101, 1))
      .answer(1_010, 3, 101)
      .answer(1_010, 2, 50)
    return bench.at(1_020, (raft) => raft.reachedStateMachine(101))
  }

  test('for a follower that was heard within an election timeout', () => {
    expect(lagging().at(1_510, (raft) => raft.persisted(101, 100_000)).base).toBe(50)
    expect(lagging().at(1_511, (raft) => raft.persisted(101, 100_000)).base).toBe(99)
  })

  test('for ten of them if a snapshot is on its way to it, from where that ends', () => {
    const restoring = () => {
      const bench = lagging()
      bench.at(1_600, (raft) => raft.persisted(101, 100_000))
      bench.reject(1_600, 50, 101).reject(1_600, 50, 99)
      expect(bench.commands.at(-1)).toEqual(['snapshotSend', 2])
      bench.answer(1_600, 3, 101)
      // It holds what is applied when it is asked for: 101.
      return bench
        .at(1_610, (raft) => raft.proposals(100, 100))
        .at(1_610, (raft) => raft.reachedDisk(201, 1))
        .answer(1_620, 3, 201)
    }
    const persist = (raft: Raft): void => {
      raft.reachedStateMachine(201)
      raft.persisted(201, 100_000)
    }
    expect(restoring().at(6_600, persist).base).toBe(101)
    expect(restoring().at(6_601, persist).base).toBe(199)
  })
})

test('a snapshot that was handed over is given up after thirty election timeouts', () => {
  const bench = new Bench().lead(100)
  bench.at(1_010, (raft) => raft.reachedDisk(101, 1)).answer(1_010, 3, 101)
  bench.at(1_020, (raft) => raft.reachedStateMachine(101)).at(1_600, (raft) => raft.persisted(101, 100_000))
  bench.reject(1_600, 1, 101).reject(1_600, 1, 99)
  bench.at(1_700, (raft) => raft.snapshotSent(2, true, 101)).answer(16_700, 3, 101)
  bench.sent()
  bench.at(16_700)
  expect(bench.sent()).toEqual([
    [2, Message.APPEND, 0],
    [3, Message.APPEND, 101],
  ])
  bench.at(16_800)
  expect(bench.sent()[0]).toEqual([2, Message.APPEND, 101])
})

describe('a member hangs', () => {
  test('when its disk has been missing something for more than an election timeout', () => {
    const { raft } = new Bench().lead(5)
    raft.now = 1_500
    expect([raft.diskHangs, raft.hangs]).toEqual([false, false])
    raft.now = 1_501
    expect([raft.diskHangs, raft.hangs]).toEqual([true, true])
  })

  test('when its state machine has been missing something for more than ten seconds', () => {
    const bench = new Bench().lead(5)
    const { raft } = bench
    bench.at(1_100, () => raft.reachedDisk(6, 1)).answer(1_100, 2, 5)
    expect([raft.commit, raft.applied]).toEqual([5, 1])
    raft.now = 11_100
    expect([raft.diskHangs, raft.hangs]).toEqual([false, false])
    raft.now = 11_101
    expect([raft.diskHangs, raft.hangs]).toEqual([false, true])
    // What is on disk and not committed, or committed and not on disk, is not missing.
    bench.at(11_200, () => raft.reachedStateMachine(5))
    raft.now = 40_000
    expect(raft.hangs).toBe(false)
    bench
      .at(40_000, () => raft.proposals(1, 1))
      .answer(40_000, 2, 7)
      .answer(40_000, 3, 7)
    bench.at(40_001, () => raft.reachedStateMachine(6))
    expect([raft.commit, raft.durable, raft.applied]).toEqual([7, 6, 6])
    bench.at(60_000, () => {})
    expect([raft.diskHangs, raft.hangs]).toEqual([true, true])
    bench.at(60_001, () => raft.reachedDisk(7, 1)).at(60_001, () => {})
    raft.now = 60_002
    expect([raft.diskHangs, raft.hangs]).toEqual([false, false])
  })

  test('unless it is the only one', () => {
    const single = new Bench(1).lead(5)
    single.raft.now = 9_000
    expect([single.raft.diskHangs, single.raft.hangs]).toEqual([true, false])
    const pair = new Bench(2).lead(5)
    pair.raft.now = 9_000
    expect(pair.raft.hangs).toBe(true)
  })
})

describe('a leader that hangs hands over', () => {
  /** Heartbeats from 1,100 on; at each, these followers have answered shortly before with so much. */
  const beat = (bench: Bench, until: number, matches: Readonly<Record<number, number>>) => {
    for (let now = 1_100; now <= until; now += 100) {
      for (const [from, match] of Object.entries(matches)) bench.answer(now - 10, Number(from), match)
      bench.at(now)
    }
    return bench.sent().filter(([, kind]) => kind === Message.TIMEOUT_NOW)
  }

  test('to the follower that has most, once two heartbeats have seen it', () => {
    expect(beat(new Bench(5).lead(5), 1_600, { 2: 2, 3: 6, 4: 5, 5: 1 })).toEqual([])
    expect(beat(new Bench(5).lead(5), 1_700, { 2: 2, 3: 6, 4: 5, 5: 1 })).toEqual([[3, Message.TIMEOUT_NOW, 0]])
    expect(beat(new Bench(5).lead(5), 1_700, { 2: 6, 3: 2, 4: 5, 5: 1 })).toEqual([[2, Message.TIMEOUT_NOW, 0]])
  })

  test('to nobody who has no more than itself', () => {
    const bench = new Bench(3).lead(5)
    expect(beat(bench, 2_500, { 2: 1, 3: 1 })).toEqual([])
    expect(bench.raft.role).toBe(Role.LEADER)
    const one = new Bench(3).lead(1)
    expect(beat(one, 1_700, { 2: 2, 3: 1 })).toEqual([[2, Message.TIMEOUT_NOW, 0]])
  })

  test('to nobody who was not heard within an election timeout', () => {
    const silent = (heard: number) => {
      const bench = new Bench(5).lead(5)
      bench.answer(heard, 2, 6)
      return beat(bench, 1_700, { 3: 1, 4: 1 })
    }
    expect(silent(1_199)).toEqual([])
    expect(silent(1_200)).toEqual([[2, Message.TIMEOUT_NOW, 0]])
  })

  test('to one that has all that is committed, if its state machine hangs', () => {
    const stuck = (matches: Readonly<Record<number, number>>) => {
      const bench = new Bench(5).lead(3)
      bench.at(1_010, (raft) => raft.reachedDisk(4, 1))
      bench.answer(1_010, 2, 4).answer(1_010, 3, 4)
      expect(bench.raft.commit).toBe(4)
      const told = beat(bench, 11_300, { 4: 1, 5: 1, ...matches })
      return [...new Set(told.map(([to]) => to))]
    }
    expect(stuck({ 2: 4 })).toEqual([2])
    expect(stuck({})).toEqual([])
  })

  test('but not while it hands over to another', () => {
    const bench = new Bench(3).lead(5)
    bench.at(1_690, (raft) => raft.transfer(3))
    expect(beat(bench, 2_100, { 2: 6, 3: 1 })).toEqual([])
  })

  test('and steps down when that comes to nothing, without another word', () => {
    const handing = (last: number) => {
      const bench = new Bench(3).lead(5)
      bench.at(1_250, (raft) => raft.transfer(3))
      beat(bench, 1_700, { 2: 6, 3: 1 })
      // Seen by two heartbeats, at 1,600 and 1,700; the transfer ends at 1,750.
      bench.answer(1_710, 2, 6)
      bench.sent()
      return bench.at(last)
    }
    expect(handing(1_750).raft.role).toBe(Role.FOLLOWER)
    const late = handing(1_800)
    expect([late.raft.role, late.sent()]).toEqual([Role.FOLLOWER, []])
  })
})

test('a follower that hangs does not campaign, and tells its leader what it has before it forgets it', () => {
  const bench = new Bench()
  bench.receive(1_000, { kind: Message.APPEND, handle: 1, runs: [1, 2] })
  bench.sent()
  bench.at(1_700, (raft) => {
    const entries = { handle: 2, runs: [1, 1] }
    raft.receive(arrived({ kind: Message.APPEND, previousIndex: 2, previousTerm: 1, round: 1, ...entries }))
    raft.receive(arrived({ kind: Message.TIMEOUT_NOW }))
  })
  expect(bench.sent()).toEqual([[2, Message.APPEND_REPLY, 0]])
  expect([bench.raft.role, bench.raft.leader, bench.raft.term]).toEqual([Role.FOLLOWER, 0, 1])
})

test('a candidate counts votes until it campaigns again, and for no longer than all agree to', () => {
  const elected = (now: number): boolean => {
    const bench = new Bench(3, { voteLifeMax: 100 }).at(1_000, (raft) => raft.campaign(true))
    return bench.receive(now, { kind: Message.VOTE_REPLY, granted: true, life: bench.raft.life }).raft.role === Role.LEADER
  }
  expect([elected(1_099), elected(1_100)]).toEqual([true, false])
})

test('what an earlier life promised is not shortened by hearing a leader', () => {
  const bench = new Bench(3, { promisedBefore: 2_000 })
  bench.receive(1_100, { kind: Message.APPEND })
  expect([bench.raft.stickyUntil, bench.raft.deadline]).toEqual([3_000, 3_000])
  bench.receive(2_900, { kind: Message.APPEND })
  expect(bench.raft.stickyUntil).toBe(3_400)
})

test('a promise is a whole number of milliseconds, and no longer than what is kept', () => {
  expect(new Bench(3, { electionTimeout: 500.5, promisedBefore: 500.5 }).raft.promise).toBe(500)
})

test('who does not lead has begun no round', () => {
  expect([new Bench().raft.round, new Bench().lead(0).raft.round]).toEqual([0, 1])
})
