// Each reason not to believe a message, and that the nearest honest one is believed.
import { expect, test } from 'vitest'
import { Log } from '../../src/raft/log.js'
import { type Append, type AppendReply, emptyMessage, type Incoming, readContent } from '../../src/raft/message.js'
import { doubt, type Receiver } from '../../src/raft/plausible.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { type Arrival, arrived } from './arrived.js'

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

const message = (said: Arrival): Incoming => arrived({ term: 5, ...said })
const append = (change: Partial<Incoming & Append>): Incoming =>
  message({
    ...{ kind: Message.APPEND, previousIndex: 10, previousTerm: 4, commit: 8, round: 3, handle: 7, runs: [5, 2] },
    ...change,
  })
const reply = (change: Partial<Incoming & AppendReply>): Incoming =>
  message({ kind: Message.APPEND_REPLY, index: 10, round: 6, promise: 500, previousIndex: 10, ...change })
/** As it is read from these six numbers. */
function read(kind: number, numbers: readonly number[], change: Partial<Incoming> = {}): Incoming {
  const incoming = { ...emptyMessage(), from: 2, term: 5, ...change } as Incoming
  let at = 0
  readContent(incoming, kind, { next: () => numbers[at++]! })
  return incoming
}
const ZEROS = [0, 0, 0, 0, 0, 0]

test.each<[string, Receiver, Incoming]>([
  ['an append', FOLLOWER, append({})],
  ['an append to a candidate', CANDIDATE, append({})],
  ['a heartbeat', FOLLOWER, append({ previousIndex: 0, previousTerm: 0, handle: 0, runs: [] })],
  ['an append that repeats what is committed', FOLLOWER, append({ previousIndex: 5, previousTerm: 2, runs: [2, 3, 4, 2, 5, 1] })],
  ['one that begins before the base', FOLLOWER, append({ previousIndex: 1, previousTerm: 1, runs: [1, 2, 2, 5] })],
  ['one that replaces what is not committed', FOLLOWER, append({ previousIndex: 8, previousTerm: 2, runs: [5, 4] })],
  ['one of a later term, from another leader', FOLLOWER, append({ from: 3, term: 6, runs: [6, 1] })],
  ['one of an earlier term', FOLLOWER, append({ from: 3, term: 4, runs: [4, 1], previousIndex: 4, previousTerm: 3 })],
  ['an answer', LEADER, reply({})],
  ['a rejection, whatever it hints', LEADER, reply({ rejected: true, index: 1_000, previousIndex: 1_000 })],
  ['an answer to who leads no more', FOLLOWER, reply({ round: 1_000 })],
  ['a wish for votes', FOLLOWER, message({ kind: Message.VOTE, term: 2 ** 31, lastIndex: 1_000 })],
  ['a wish for votes of the last term within reach', FOLLOWER, message({ kind: Message.VOTE, term: 5 + 2 ** 32 })],
  ['an append up to the last index within reach', FOLLOWER, append({ runs: [5, 2 ** 52 - 10] })],
  ['a hand-over', FOLLOWER, message({ kind: Message.TIMEOUT_NOW })],
])('%s is believed', (_name, receives, message) => {
  expect(doubt(receives, message)).toBe('')
})

test.each<[string, Receiver, Incoming]>([
  ['its kind is unknown', FOLLOWER, read(0, ZEROS)],
  ['its kind is unknown', FOLLOWER, read(11, ZEROS)],
  ['its kind is unknown', FOLLOWER, read(5.5, ZEROS)],
  ['its term is out of reach', FOLLOWER, message({ kind: Message.VOTE, term: 5 + 2 ** 32 + 1 })],
  ['its term is out of reach', FOLLOWER, message({ kind: Message.VOTE, term: Number.NaN })],
  ...[0, 1, 2, 3, 4, 5].flatMap((place): [string, Receiver, Incoming][] => [
    ['a field is no number', LEADER, read(Message.APPEND_REPLY, ZEROS.with(place, Number.NaN))],
    ['a field is no number', FOLLOWER, read(Message.VOTE, ZEROS.with(place, 2 ** 53))],
    ['a field is no number', FOLLOWER, read(Message.RECOVER, ZEROS.with(place, -1))],
  ]),
  ['its payload and its runs do not agree', FOLLOWER, append({ handle: 0 })],
  ['its payload and its runs do not agree', FOLLOWER, append({ runs: [] })],
  ['it has entries', FOLLOWER, message({ kind: Message.RECOVER, handle: 1, runs: [1, 1] })],
  ['the entry before its own is of a later term', FOLLOWER, append({ previousTerm: 6 })],
  ['the entry before its own has no term', FOLLOWER, append({ previousTerm: 0 })],
  ['the entry before its own has no term', FOLLOWER, append({ previousIndex: 0 })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ runs: [5, 1, 4, 1] })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ runs: [5, 1, 5, 1] })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ runs: [3, 1] })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ runs: [6, 1] })],
  ['the terms of its entries do not ascend', FOLLOWER, append({ previousIndex: 0, previousTerm: 0, runs: [0, 1] })],
  ['a run has no entries', FOLLOWER, append({ runs: [5, 0] })],
  ['a run has no entries', FOLLOWER, append({ runs: [5, 1.5] })],
  ['its indexes are out of reach', FOLLOWER, append({ runs: [5, 2 ** 52] })],
  ['its sender does not lead this term', FOLLOWER, append({ from: 3 })],
  ['its sender does not lead this term', LEADER, append({})],
  ['its sender does not lead this term', FOLLOWER, message({ kind: Message.TIMEOUT_NOW, from: 3 })],
  ['it replaces what is committed', FOLLOWER, append({ previousIndex: 6, previousTerm: 2, runs: [3, 1] })],
  ['it replaces what is committed', FOLLOWER, append({ previousIndex: 6, previousTerm: 2, runs: [2, 1, 5, 1] })],
  ['it replaces what is committed', FOLLOWER, append({ previousIndex: 1, previousTerm: 1, runs: [1, 5] })],
  ['it answers a round that was not begun', LEADER, reply({ round: 7 })],
  ['it has entries that the leader has not', LEADER, reply({ index: 11 })],
  ['it has entries that the leader has not', LEADER, read(Message.APPEND_REPLY, [11, 2, 0, 6, 500, 10])],
  ['it has entries that the leader has not', LEADER, reply({ previousIndex: 11 })],
])('%s', (reason, receives, message) => {
  expect(doubt(receives, message)).toBe(reason)
})
