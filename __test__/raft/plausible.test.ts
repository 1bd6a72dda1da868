// Each reason not to believe a message, and that the nearest honest one is believed.
import { expect, test } from 'vitest'
import { Message, Role } from '../../src/raft/kinds.js'
import { Log } from '../../src/raft/log.js'
import type { Incoming } from '../../src/raft/message.js'
import { doubt, type Receiver } from '../../src/raft/plausible.js'

/** Entries 5 to 8 of term 2 after a base of (4, 2), and 9, 10 of term 4; 8 are committed. */
function receiver(role: number, leader: number): Receiver {
  const log = new Log()
  log.reset(4, 2)
  log.append(2, 4)
  log.append(4, 2)
  return { term: 5, role, leader, commit: 8, log, round: role === Role.LEADER ? 6 : 0 }
}
const FOLLOWER = receiver(Role.FOLLOWER, 2)
const LEADER = receiver(Role.LEADER, 1)
const CANDIDATE = receiver(Role.CANDIDATE, 0)

const NONE: Incoming = { from: 2, kind: 0, term: 5, handle: 0, a: 0, b: 0, c: 0, d: 0, e: 0, f: 0, bytes: 0, runs: [] }
const append = (change: Partial<Incoming>): Incoming => ({
  ...{ ...NONE, kind: Message.APPEND, a: 10, b: 4, c: 8, d: 3, handle: 7, runs: [5, 2] },
  ...change,
})
const reply = (change: Partial<Incoming>): Incoming => ({
  ...{ ...NONE, kind: Message.APPEND_REPLY, a: 10, d: 6, e: 500, f: 10 },
  ...change,
})

test.each<[string, Receiver, Incoming]>([
  ['an append', FOLLOWER, append({})],
  ['an append to a candidate', CANDIDATE, append({})],
  ['a heartbeat', FOLLOWER, append({ a: 0, b: 0, handle: 0, runs: [] })],
  ['an append that repeats what is committed', FOLLOWER, append({ a: 5, b: 2, runs: [2, 3, 4, 2, 5, 1] })],
  ['one that begins before the base', FOLLOWER, append({ a: 1, b: 1, runs: [1, 2, 2, 5] })],
  ['one that replaces what is not committed', FOLLOWER, append({ a: 8, b: 2, runs: [5, 4] })],
  ['one of a later term, from another leader', FOLLOWER, append({ from: 3, term: 6, runs: [6, 1] })],
  ['one of an earlier term', FOLLOWER, append({ from: 3, term: 4, runs: [4, 1], a: 4, b: 3 })],
  ['an answer', LEADER, reply({})],
  ['a rejection, whatever it hints', LEADER, reply({ b: 1, a: 1_000, f: 1_000 })],
  ['an answer to who leads no more', FOLLOWER, reply({ d: 1_000 })],
  ['a wish for votes', FOLLOWER, { ...NONE, kind: Message.VOTE, term: 2 ** 31, a: 1_000 }],
  ['a wish for votes of the last term within reach', FOLLOWER, { ...NONE, kind: Message.VOTE, term: 5 + 2 ** 32 }],
  ['an append up to the last index within reach', FOLLOWER, append({ runs: [5, 2 ** 52 - 10] })],
  ['a hand-over', FOLLOWER, { ...NONE, kind: Message.TIMEOUT_NOW }],
])('%s is believed', (_name, receives, message) => {
  expect(doubt(receives, message)).toBe('')
})

test.each<[string, Receiver, Incoming]>([
  ['its kind is unknown', FOLLOWER, { ...NONE, kind: 0 }],
  ['its kind is unknown', FOLLOWER, { ...NONE, kind: 11 }],
  ['its kind is unknown', FOLLOWER, { ...NONE, kind: 5.5 }],
  ['its term is out of reach', FOLLOWER, { ...NONE, kind: Message.VOTE, term: 5 + 2 ** 32 + 1 }],
  ['its term is out of reach', FOLLOWER, { ...NONE, kind: Message.VOTE, term: Number.NaN }],
  ...(['a', 'b', 'c', 'd', 'e', 'f'] as const).flatMap((field): [string, Receiver, Incoming][] => [
    ['a field is no number', LEADER, reply({ [field]: Number.NaN })],
    ['a field is no number', FOLLOWER, { ...NONE, kind: Message.VOTE, [field]: 2 ** 53 }],
    ['a field is no number', FOLLOWER, { ...NONE, kind: Message.RECOVER, [field]: -1 }],
  ]),
  ['its payload and its runs do not agree', FOLLOWER, append({ handle: 0 })],
  ['its payload and its runs do not agree', FOLLOWER, append({ runs: [] })],
  ['it has entries', FOLLOWER, { ...NONE, kind: Message.RECOVER, handle: 1, runs: [1, 1] }],
  ['the entry before its own is of a later term', FOLLOWER, append({ b: 6 })],
  ['the entry before its own has no term', FOLLOWER, append({ b: 0 })],
  ['the entry before its own has no term', FOLLOWER, append({ a: 0 })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ runs: [5, 1, 4, 1] })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ runs: [5, 1, 5, 1] })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ runs: [3, 1] })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ runs: [6, 1] })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ a: 0, b: 0, runs: [0, 1] })],
  ['a run has no entries', FOLLOWER, append({ runs: [5, 0] })],
  ['a run has no entries', FOLLOWER, append({ runs: [5, 1.5] })],
  ['its indexes are out of reach', FOLLOWER, append({ runs: [5, 2 ** 52] })],
  ['its sender does not lead this term', FOLLOWER, append({ from: 3 })],
  ['its sender does not lead this term', LEADER, append({})],
  ['its sender does not lead this term', FOLLOWER, { ...NONE, kind: Message.TIMEOUT_NOW, from: 3 }],
  ['it replaces what is committed', FOLLOWER, append({ a: 6, b: 2, runs: [3, 1] })],
  ['it replaces what is committed', FOLLOWER, append({ a: 6, b: 2, runs: [2, 1, 5, 1] })],
  ['it replaces what is committed', FOLLOWER, append({ a: 1, b: 1, runs: [1, 5] })],
  ['it answers a round that was not begun', LEADER, reply({ d: 7 })],
  ['it has entries that the leader has not', LEADER, reply({ a: 11 })],
  ['it has entries that the leader has not', LEADER, reply({ f: 11 })],
])('%s', (reason, receives, message) => {
  expect(doubt(receives, message)).toBe(reason)
})
