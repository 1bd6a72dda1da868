// A follower falls behind the entries whose sizes the leader remembers: it catches up message by message, the rest as usual.
import { expect, test } from 'vitest'
import { limits } from '../../src/limits.js'
import type { Commands } from '../../src/raft/commands.js'
import type { Outgoing } from '../../src/raft/message.js'
import { Raft } from '../../src/raft/raft.js'
import { Message } from '../../src/raft/raft-kinds.js'
import { WINDOW_BYTES_MIN } from '../../src/raft/window.js'
import { type Arrival, arrived } from './arrived.js'

/** Not merged with its neighbours. */
const CHUNK_BYTES = limits.appendBytesMax / 64

/** A leader whose follower 2 has just answered and lacks more entries than the leader remembers sizes of. */
function behind(): {
  raft: Raft
  sent: [number, number][]
  answer: (said: Arrival) => void
  next: number
  oldest: number
} {
  const sent: [number, number][] = []
  const out = new Proxy({} as Commands, {
    get: (_, name) => (to: number, message: Outgoing) => {
      if (name === 'send' && to === 2 && message.kind === Message.APPEND) sent.push([message.first, message.end])
    },
  })
  const members = [1, 2, 3]
  const times = { heartbeatInterval: 100, electionTimeout: 500, promisedBefore: 500, voteLifeMax: 1_000 }
  const raft = new Raft({ ...times, id: 1, members, group: 0, leaseReads: false, logRetainBytes: 1e9, seed: 1 }, out, 0, {
    ...{ term: 0, vote: 0, commit: 0, snapshotIndex: 0, snapshotTerm: 0, lastIndex: 0, applied: 0, recovering: false, runs: [] },
  })
  const answer = (said: Arrival): void => {
    raft.receive(arrived(said))
    raft.flush()
  }
  raft.campaign(true)
  answer({ kind: Message.VOTE_REPLY, granted: true, life: raft.life })
  answer({ kind: Message.APPEND_REPLY, index: 1, round: 1 })
  for (let i = 0; i < limits.inflightMessagesMax + 4096; i += 1) {
    raft.proposals(1, CHUNK_BYTES)
    raft.flush()
  }
  // The no-op, a full window, and nothing that would fit no more.
  expect(sent.length).toBe(1 + limits.inflightMessagesMax)
  const next = 2 + limits.inflightMessagesMax
  expect(sent.at(-1)).toEqual([next - 1, next])
  raft.proposals(1, CHUNK_BYTES)
  raft.proposals(1, CHUNK_BYTES)
  raft.flush()
  sent.length = 0
  answer({ kind: Message.APPEND_REPLY, index: 2, round: 1, previousIndex: 1 })
  const oldest = next + 2
  return { raft, sent, answer, next, oldest }
}

test('what is older than the 4096 sizes that are remembered is clipped by the plane, message by message', () => {
  const { raft, sent, next, oldest } = behind()
  expect(sent).toEqual([[next, oldest]])
  // The plane says how far it came: the rest goes out at once, and from where sizes are known as usual.
  raft.sent(2, next, next + 1, limits.appendBytesMax)
  raft.flush()
  expect(sent.slice(1)).toEqual([[next + 1, oldest]])
  raft.sent(2, next + 1, oldest, limits.appendBytesMax)
  raft.flush()
  expect(sent.slice(2, 4)).toEqual([
    [oldest, oldest + 64],
    [oldest + 64, oldest + 128],
  ])
})

test('what has been cut since is not asked for again before an answer', () => {
  const { raft, sent, answer } = behind()
  const [[first]] = sent as [[number, number]]
  raft.sent(2, first, first, 0)
  raft.flush()
  expect(sent.length).toBe(1)
  answer({ kind: Message.APPEND_REPLY, index: 2, round: 1, previousIndex: 1 })
  expect(sent.length).toBe(1)
})

test('messages of unknown sizes fill the window and no more', () => {
  const { raft, sent } = behind()
  for (let i = 0; i < 100; i += 1) {
    const [first, end] = sent.at(-1) as [number, number]
    // A plane that sends one entry a message.
    if (end > first) raft.sent(2, first, first + 1, limits.appendBytesMax)
    raft.flush()
  }
  expect(sent.length).toBe(WINDOW_BYTES_MIN / limits.appendBytesMax)
})
