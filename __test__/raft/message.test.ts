// What a message says goes as six numbers and comes back as it was; the numbers stand where FORMATS.md has them.
import { expect, test } from 'vitest'
import { type Content, emptyMessage, type Incoming, readContent, writeContent } from '../../src/raft/message.js'
import { Message } from '../../src/raft/raft-kinds.js'

const votes = { lastIndex: 11, lastTerm: 12, transfer: true, life: 14 }
const append = { previousIndex: 11, previousTerm: 12, commit: 13, round: 14 }
const answer = { index: 11, rejected: true, hintTerm: 13, round: 14, promise: 15, previousIndex: 16 }

const CASES: readonly [Content, number[]][] = [
  [{ kind: Message.PRE_VOTE, ...votes }, [11, 12, 1, 14, 0, 0]],
  [{ kind: Message.PRE_VOTE_REPLY, granted: true, life: 14 }, [1, 0, 0, 14, 0, 0]],
  [{ kind: Message.VOTE, ...votes, lastIndex: 1, transfer: false }, [1, 12, 0, 14, 0, 0]],
  [{ kind: Message.VOTE_REPLY, granted: false, life: 14 }, [0, 0, 0, 14, 0, 0]],
  [{ kind: Message.APPEND, ...append }, [11, 12, 13, 14, 0, 0]],
  [{ kind: Message.APPEND_REPLY, ...answer }, [11, 1, 13, 14, 15, 16]],
  [{ kind: Message.APPEND_REPLY, ...answer, rejected: false }, [11, 0, 13, 14, 15, 16]],
  [{ kind: Message.TIMEOUT_NOW }, [0, 0, 0, 0, 0, 0]],
  [{ kind: Message.SNAPSHOT_STATUS, index: 11, snapshotTerm: 12, installed: true }, [11, 12, 1, 0, 0, 0]],
  [{ kind: Message.SNAPSHOT_STATUS, index: 11, snapshotTerm: 12, installed: false }, [11, 12, 0, 0, 0, 0]],
  [{ kind: Message.RECOVER, nonce: 11 }, [11, 0, 0, 0, 0, 0]],
  [
    {
      kind: Message.RECOVER_REPLY,
      nonce: 11,
      lastIndex: 12,
      leads: true,
      whole: false,
      configurationIndex: 6,
      configurationTerm: 2,
    },
    [11, 12, 1, 0, 6, 2],
  ],
  [
    {
      kind: Message.RECOVER_REPLY,
      nonce: 11,
      lastIndex: 12,
      leads: false,
      whole: true,
      configurationIndex: 0,
      configurationTerm: 0,
    },
    [11, 12, 0, 1, 0, 0],
  ],
]

function read(kind: number, numbers: readonly number[]): Incoming {
  const message = emptyMessage()
  let at = 0
  readContent(message, kind, { next: () => numbers[at++]! })
  return message
}

test.each(CASES)('%j is written as these numbers, and read from them', (content, numbers) => {
  const written: number[] = []
  writeContent(content, { put: (value) => void written.push(value) })
  expect(written).toEqual(numbers)
  expect(read(content.kind, numbers)).toEqual({ ...emptyMessage(), ...content, flaw: '' })
})

test('every kind is among them', () => {
  expect(new Set(CASES.map(([{ kind }]) => kind))).toEqual(new Set(Object.values(Message)))
})

test('a flag that is neither 0 nor 1 is not set', () => {
  const reply = read(Message.APPEND_REPLY, [11, 2, 0, 0, 0, 0])
  expect([reply.kind === Message.APPEND_REPLY && reply.rejected, reply.flaw]).toEqual([false, ''])
})

test('a message that can be read follows one that cannot', () => {
  const message = emptyMessage()
  readContent(message, 11, { next: () => 1 })
  expect(message.flaw).toBe('its kind is unknown')
  readContent(message, Message.RECOVER, { next: () => Number.NaN })
  expect(message.flaw).toBe('a field is no number')
  readContent(message, Message.RECOVER, { next: () => 1 })
  expect(message.flaw).toBe('')
})

// For the compiler, which `npm run lint` asks: each line below is an error, or the comment above it is one.
test('a field is read by its name and under its kind only', () => {
  const message: Incoming = read(Message.APPEND, [11, 12, 13, 14, 0, 0])
  // @ts-expect-error a place among the numbers says nothing
  expect(message.a).toBe(undefined)
  // @ts-expect-error only some kinds have a round
  expect(message.round).toBe(14)
  // @ts-expect-error an append has no life
  expect(message.kind === Message.APPEND && message.life).toBe(0)
  expect(message.kind === Message.APPEND && message.round).toBe(14)
})
