// A leader by hand, where scripts cannot go: how far the plane says that messages came, early, late, twice, or not at all.
// Looks at what it sends.
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/limits.js'
import { type After, AT_ONCE, BESIDE, type Commands, DURABLE, REPORTED } from '../../src/raft/commands.js'
import type { RaftConfig } from '../../src/raft/config.js'
import type { Outgoing } from '../../src/raft/message.js'
import { Raft } from '../../src/raft/raft.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { type Arrival, arrived } from './arrived.js'

const CONFIG: RaftConfig = {
  ...{ id: 1, members: [1, 2, 3], group: 0, heartbeatInterval: 100, electionTimeout: 300, leaseReads: true, logRetainBytes: 1e9 },
  ...{ promisedBefore: 300, voteLifeMax: 1_000, seed: 1 },
}
/** Entries of an earlier term: a new leader does not know how long they are. */
const LAST = 20
const TERM = 2

let raft: Raft
/** Messages whose end is to be told, as their first index. */
let told: number[]
/** Messages sent. */
let sends = 0

const out = new Proxy({} as Commands, {
  get:
    (_, name) =>
    (...values: unknown[]) => {
      if (name === 'send') sends += 1
      const message = values[1] as Outgoing
      if (name === 'send' && message.kind === Message.APPEND && (values[2] as After) === REPORTED) told.push(message.first)
    },
})

function hear(from: number, said: Arrival): void {
  raft.receive(arrived({ term: TERM, ...said, from }))
  raft.flush()
}

/** `from` has this log up to `index`, in memory up to `previousIndex`. */
const accept = (from: number, index: number, previousIndex: number): void =>
  hear(from, { kind: Message.APPEND_REPLY, index, previousIndex, round: raft.round })
const reject = (from: number, previousIndex: number): void =>
  hear(from, { kind: Message.APPEND_REPLY, index: 1, rejected: true, hintTerm: 1, round: raft.round, previousIndex })

function sent(first: number, end: number, bytes = 100): void {
  raft.sent(3, first, end, bytes)
  raft.flush()
}

/** What was sent since the last look. */
const looked = (): number[] => told.splice(0)

function pass(time: number): void {
  raft.now += time
  raft.tick()
  raft.flush()
}

/** Member 1 leads, and the third has the first entry only: it is being sent the others. */
function lead(): void {
  told = []
  const opened = { term: 1, vote: 0, commit: 0, snapshotIndex: 0, snapshotTerm: 0, lastIndex: LAST, applied: 0, runs: [1, 1] }
  raft = new Raft(CONFIG, out, 0, { ...opened, recovering: false })
  pass(raft.deadline)
  hear(2, { kind: Message.PRE_VOTE_REPLY, granted: true, life: raft.life })
  hear(2, { kind: Message.VOTE_REPLY, granted: true, life: raft.life })
  expect(raft.role).toBe(Role.LEADER)
  reject(3, LAST)
  accept(3, 1, 1)
  expect(looked()).toEqual([2])
}

test('the conditions of a send have the numbers of FORMATS.md', () => {
  expect([AT_ONCE, DURABLE, REPORTED, BESIDE]).toEqual([0, 1, 2, 3])
})

describe('what the plane says of how far entries came', () => {
  test('the next message begins there, until the sizes are known', () => {
    lead()
    sent(2, 6)
    expect(looked()).toEqual([6])
    sent(6, LAST + 1)
    expect(looked()).toEqual([])
  })

  test('of a message that was sent before something else was decided, it is nothing', () => {
    lead()
    sent(2, 6)
    looked()
    sent(10, 12)
    expect(looked()).toEqual([])
    sent(6, 8)
    expect(looked()).toEqual([8])
  })

  test('said twice, it counts once', () => {
    lead()
    raft.sent(3, 2, 6, 100)
    sent(2, 9)
    expect(looked()).toEqual([6])
  })

  test('of who is probed again it is nothing', () => {
    lead()
    sent(2, 6)
    looked()
    reject(3, 5)
    const before = sends
    sent(2, 9)
    expect([looked(), sends]).toEqual([[], before])
  })

  test('nothing went: the follower is looked for with the next heartbeat', () => {
    lead()
    sent(2, 2, 0)
    expect(looked()).toEqual([])
    pass(100)
    expect(looked()).toEqual([])
    accept(3, 1, 1)
    expect(looked()).toEqual([2])
  })

  test('a full window waits for answers', () => {
    lead()
    sent(2, 6, limits.inflightBytesMax)
    expect(looked()).toEqual([])
    accept(3, 5, 1)
    expect(looked()).toEqual([6])
  })

  test('an answer does not stand for it, nor does time', () => {
    lead()
    sent(2, 6)
    looked()
    accept(3, 5, 1)
    expect(looked()).toEqual([])
    for (let i = 0; i < 8; i += 1) {
      pass(100)
      accept(2, LAST, LAST)
      accept(3, 5, 5)
    }
    expect([raft.role, looked()]).toEqual([Role.LEADER, []])
  })

  test('of a stranger, or to who does not lead, it is nothing', () => {
    lead()
    raft.sent(9, 2, 6, 100)
    sent(2, 6)
    expect(looked()).toEqual([6])
    hear(2, { kind: Message.APPEND, term: TERM + 1, previousIndex: LAST, previousTerm: 1 })
    sent(6, 8)
    expect([raft.role, looked()]).toEqual([Role.FOLLOWER, []])
  })
})
