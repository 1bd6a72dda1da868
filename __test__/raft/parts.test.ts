// The small parts of the core, alone: its configuration, its randomness, its asserts, reads, leases, stalls.
import { describe, expect, test } from 'vitest'
import type { RafterError } from '../../src/errors.js'
import { limits } from '../../src/limits.js'
import { assert } from '../../src/raft/assert.js'
import type { Commands } from '../../src/raft/commands.js'
import { checkConfig, type RaftConfig, VOTE_LIFE_MS_MAX } from '../../src/raft/config.js'
import { Lease } from '../../src/raft/lease.js'
import { Raft } from '../../src/raft/raft.js'
import { Random } from '../../src/raft/random.js'
import { ReadQueue } from '../../src/raft/read.js'
import { Stall } from '../../src/raft/stall.js'

const CONFIG: RaftConfig = {
  ...{ id: 1, members: [1, 2, 3], group: 0, heartbeatInterval: 100, electionTimeout: 300, leaseReads: true, logRetainBytes: 0 },
  ...{ promisedBefore: 300, voteLifeMax: 1_000, seed: 1 },
}

/** Takes every command and keeps those of one kind. */
function recorder(kind: keyof Commands): { out: Commands; calls: unknown[][] } {
  const calls: unknown[][] = []
  const out = new Proxy({} as Commands, {
    get:
      (_, name) =>
      (...values: unknown[]) => {
        if (name === kind) calls.push(values)
      },
  })
  return { out, calls }
}

describe('configuration', () => {
  const members = Array.from({ length: limits.membersMax + 1 }, (_, i) => i + 1)

  test('what works is taken', () => {
    checkConfig(CONFIG)
    checkConfig({ ...CONFIG, members: [1], promisedBefore: 0 })
    checkConfig({ ...CONFIG, members: members.slice(1), id: 2 })
  })

  test.each<[string, Partial<RaftConfig>]>([
    ['number of members', { members: [] }],
    ['number of members', { members }],
    ['this member is one of the members', { id: 4 }],
    ['this member is one of the members', { id: 0, members: [0, 1] }],
    ['members differ', { members: [1, 2, 2] }],
    ['an election timeout is three heartbeats or more', { electionTimeout: 299 }],
    ['an election timeout is three heartbeats or more', { heartbeatInterval: 0 }],
    ['times are positive', { promisedBefore: -1 }],
    ['times are positive', { voteLifeMax: 0 }],
  ])('%s', (invariant, change) => {
    expect(() => checkConfig({ ...CONFIG, ...change })).toThrow(invariant)
    const opened = { ...{ term: 0, vote: 0, commit: 0, snapshotIndex: 0, snapshotTerm: 0, lastIndex: 0, applied: 0 }, runs: [] }
    expect(() => new Raft({ ...CONFIG, ...change }, recorder('fail').out, 0, { ...opened, recovering: false })).toThrow(invariant)
  })
})

test('all versions wait equally long for a vote of a life that is over', () => {
  expect(VOTE_LIFE_MS_MAX).toBe(3_000)
})

describe('asserts', () => {
  const failure = (values?: Record<string, number>): RafterError => {
    try {
      assert(false, 'water flows down', values)
    } catch (error) {
      return error as RafterError
    }
    throw new Error('nothing was thrown')
  }

  test('what holds is silent', () => {
    assert(true, 'water flows down')
  })

  test('what does not is an error that names the invariant and the values', () => {
    const told = 'the member stops, this is a bug in rafterdb'
    expect(failure().code).toBe('INTERNAL')
    expect(failure().message).toBe(`broken invariant: water flows down; ${told}`)
    expect(failure({ height: 1, depth: 2 }).message).toBe(`broken invariant: water flows down (height 1, depth 2); ${told}`)
    expect(failure({ height: 1 }).message).toBe(`broken invariant: water flows down (height 1); ${told}`)
  })
})

describe('randomness', () => {
  test('it is in its range, the same for the same parts, another for others', () => {
    const draw = (...parts: number[]) => {
      const random = new Random(...parts)
      return Array.from({ length: 50 }, () => random.between(10, 20))
    }
    const numbers = draw(1, 2, 3)
    for (const number of numbers) {
      expect(number).toBeGreaterThan(9.999)
      expect(number).toBeLessThan(20)
    }
    expect(draw(1, 2, 3)).toEqual(numbers)
    const others = [draw(1, 2, 4), draw(2 ** 40, 2, 3), draw(2 ** 41, 2, 3), draw(1.5 * 2 ** 32, 2, 3), draw(0)]
    expect(new Set([numbers, ...others].map(([first]) => first)).size).toBe(6)
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length
    expect(Math.abs(mean - 15)).toBeLessThan(2)
  })
})

describe('reads', () => {
  test('one round confirms all that asked before it began', () => {
    const { out, calls } = recorder('serveReads')
    const reads = new ReadQueue(out)
    expect(reads.needsRound).toBe(false)
    reads.ask(3)
    // A number that comes late takes nothing back.
    reads.ask(2)
    expect(reads.needsRound).toBe(true)
    reads.begin(7, 100)
    expect(reads.needsRound).toBe(false)
    reads.ask(4)
    expect(reads.needsRound).toBe(false)
    reads.confirm(6)
    expect(calls).toEqual([])
    reads.confirm(7)
    reads.confirm(8)
    expect(calls).toEqual([[3, 100]])
    expect(reads.needsRound).toBe(true)
    reads.serve(101)
    expect(calls).toEqual([
      [3, 100],
      [4, 101],
    ])
    expect(reads.needsRound).toBe(false)
    reads.ask(5)
    reads.begin(9, 102)
    reads.confirm(12)
    expect(calls.at(-1)).toEqual([5, 102])
  })
})

describe('leases', () => {
  const FOREVER = Number.POSITIVE_INFINITY
  const leaseOf = (leaseReads = true) => {
    const { out, calls } = recorder('lease')
    return { lease: new Lease({ ...CONFIG, leaseReads }, out), calls }
  }

  test('a lease lasts a tenth less than an election timeout, and never gets shorter', () => {
    const { lease, calls } = leaseOf()
    expect(lease.holds(0)).toBe(false)
    lease.extend(1_000, FOREVER)
    lease.extend(990, FOREVER)
    lease.extend(1_000, FOREVER)
    expect(calls).toEqual([[1_270]])
    expect([lease.holds(1_269), lease.holds(1_270), lease.until]).toEqual([true, false, 1_270])
    lease.extend(Number.NEGATIVE_INFINITY, FOREVER)
    lease.extend(2_000, Number.NEGATIVE_INFINITY)
    expect(lease.until).toBe(1_270)
  })

  test('a lease lasts no longer than what was promised', () => {
    const { lease, calls } = leaseOf()
    lease.extend(1_000, 1_100)
    lease.extend(1_010, 1_090)
    lease.extend(1_020, 1_110)
    expect(calls).toEqual([[1_100], [1_110]])
  })

  test('a promise that is void shortens it, or ends it', () => {
    const { lease, calls } = leaseOf()
    lease.shorten(Number.NEGATIVE_INFINITY, 1_000)
    expect(calls).toEqual([])
    lease.extend(1_000, FOREVER)
    lease.shorten(1_270, 1_000)
    lease.shorten(1_300, 1_000)
    expect(calls).toEqual([[1_270]])
    lease.shorten(1_200, 1_000)
    expect([lease.until, calls.at(-1)]).toEqual([1_200, [1_200]])
    lease.shorten(1_100, 1_100)
    expect([lease.until, calls.at(-1)]).toEqual([0, [0]])
    lease.extend(1_000, FOREVER)
    lease.shorten(1_101, 1_100)
    expect(lease.until).toBe(1_101)
  })

  test('a lease that ended can be extended, one that was revoked cannot', () => {
    const { lease, calls } = leaseOf()
    lease.end()
    expect(calls).toEqual([])
    lease.extend(1_000, FOREVER)
    lease.end()
    lease.end()
    expect(lease.holds(1_001)).toBe(false)
    lease.extend(1_000, FOREVER)
    lease.revoke()
    lease.extend(2_000, FOREVER)
    expect(calls).toEqual([[1_270], [0], [1_270], [0]])
    expect(lease.holds(2_001)).toBe(false)
  })

  test('without lease reads there is none', () => {
    const { lease, calls } = leaseOf(false)
    lease.extend(1_000, FOREVER)
    expect([calls.length, lease.holds(1_001)]).toEqual([0, false])
  })
})

describe('stalls', () => {
  test('one lasts from when nothing moved although something is missing', () => {
    const stall = new Stall()
    expect(stall.lasts(100)).toBe(0)
    stall.update(5, 5, 100)
    expect(stall.lasts(200)).toBe(0)
    stall.update(5, 6, 200)
    expect(stall.lasts(250)).toBe(50)
    stall.update(5, 7, 260)
    expect(stall.lasts(300)).toBe(100)
    stall.update(6, 7, 310)
    expect(stall.lasts(320)).toBe(10)
    // Another leader cuts the log: that is a move, too.
    stall.update(4, 7, 330)
    expect(stall.lasts(340)).toBe(10)
    stall.update(8, 7, 350)
    expect(stall.lasts(400)).toBe(0)
    stall.update(8, 9, 410)
    expect(stall.lasts(420)).toBe(10)
  })
})
