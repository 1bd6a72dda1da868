// What every plane must do, native or simulated: the promises of crates/codec/FORMATS.md, seen from the worker's side.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Code } from '../../src/codes.js'
import { limits } from '../../src/limits.js'
import { Command, Event } from '../../src/plane/kinds.js'
import type { Plane } from '../../src/plane/plane.js'
import { Message, Role } from '../../src/raft/kinds.js'
import { PlaneDriver } from './driver.js'

/** A message that left the plane, or arrives at it. */
export interface WireMessage {
  readonly kind: number
  readonly term: number
  /** a … f. */
  readonly fields: readonly [number, number, number, number, number, number]
  /** The payload: the terms of its entries, whose contents do not matter here. */
  readonly entryTerms: readonly number[]
}

/** How the suite reaches a plane: one of two members, one group, always durable. */
export interface PlaneHarness {
  /** Ids of this member and of the other one. */
  readonly self: number
  readonly other: number
  /** A plane on an empty disk. */
  open(): Promise<Plane>
  /** The process is killed, and starts again on the same disk. */
  reopen(): Promise<Plane>
  /** The other member starts; returns when messages arrive both ways. `driver` drives this member. */
  connect(driver: PlaneDriver): Promise<void>
  /** Submits one chunk of `count` entries from a client of this member. */
  propose(count: number): void
  /** The codes of the entries that were answered, in order. */
  answers(): readonly number[]
  /** The other member sends a message. */
  deliver(message: WireMessage): void
  /** What this member sent to the other one; waits until so many have come. */
  sent(count: number): readonly WireMessage[]
  close(): Promise<void>
}

const GROUP = 0
const TERM = 1
const HARD_STATE = [Command.PERSIST, GROUP, TERM, 1, 0]
const NO_FIELDS = [0, 0, 0, 0, 0, 0] as const

const noop = (index: number, term = TERM): number[] => [Command.NOOP, GROUP, index, term]
const accept = (first: number, count: number): number[] => [Command.ACCEPT, GROUP, first, TERM, count]
const commit = (index: number): number[] => [Command.COMMIT, GROUP, index]

/** Runs all cases against the planes of one implementation. */
export function planeSuite(name: string, create: () => PlaneHarness): void {
  describe(name, () => {
    let harness: PlaneHarness
    let driver: PlaneDriver
    let opened: readonly number[]
    /** This member leads. */
    let LEAD: number[]

    beforeEach(async () => {
      harness = create()
      LEAD = [Command.ROLE, GROUP, Role.LEADER, TERM, harness.self]
      driver = new PlaneDriver(await harness.open())
      opened = driver.waitFor(Event.OPENED)
    })
    afterEach(() => harness.close())

    const send = (kind: number, after: number, first = 0, end = 0, term = TERM): number[] => [
      ...[Command.SEND, GROUP, harness.other, kind, term, after],
      ...[...NO_FIELDS, first, end],
    ]

    /** Waits until the log is durable up to (index, term). */
    const durable = (index: number, term: number): void => {
      for (;;) {
        const [upTo, ofTerm] = driver.waitFor(Event.DURABLE)
        if (upTo === index && ofTerm === term) return
      }
    }

    const reopen = async (): Promise<void> => {
      driver = new PlaneDriver(await harness.reopen())
      opened = driver.waitFor(Event.OPENED)
    }

    test('an empty disk opens as nothing, marked as new', () => {
      expect(opened).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0])
    })

    test('a disk is new until the group is whole', async () => {
      driver.exchange([HARD_STATE, noop(1)])
      durable(1, TERM)
      await reopen()
      expect(opened[7]).toBe(1)
      driver.exchange([noop(2), [Command.RECOVERED, GROUP]])
      durable(2, TERM)
      await reopen()
      expect(opened[7]).toBe(0)
    })

    test('time does not go back, and an exchange without events ends with its time-out', () => {
      const before = driver.now
      const started = driver.exchange([], 0)
      expect(started).toEqual([])
      driver.exchange([], 30)
      expect(driver.now).toBeGreaterThanOrEqual(before + 25)
    })

    test('proposals are announced once, a chunk a record, and wait until they are accepted', () => {
      driver.exchange([HARD_STATE, LEAD, noop(1)])
      harness.propose(3)
      const [count, bytes] = driver.waitFor(Event.PROPOSALS)
      expect(count).toBe(3)
      expect(bytes).toBeGreaterThan(0)
      expect(driver.comes(Event.PROPOSALS)).toBe(false)
      expect(harness.answers()).toEqual([])
    })

    test('what was accepted becomes durable, is applied once it is committed, and is answered then', () => {
      driver.exchange([HARD_STATE, LEAD, noop(1)])
      harness.propose(2)
      driver.waitFor(Event.PROPOSALS)
      driver.exchange([accept(2, 2)])
      durable(3, TERM)
      expect(harness.answers()).toEqual([])
      let applied = driver.waitFor(Event.APPLIED, [commit(3)])
      while (applied[0] !== 3) applied = driver.waitFor(Event.APPLIED)
      driver.exchange([], 20)
      expect(harness.answers()).toEqual([Code.OK, Code.OK])
    })

    test('a restart finds the term, the vote and the log', async () => {
      driver.exchange([HARD_STATE, noop(1), [Command.PERSIST, GROUP, 4, 2, 0], noop(2, 4)])
      durable(2, 4)
      await reopen()
      const [term, vote, , snapshotIndex, snapshotTerm, lastIndex, , , runs, ...pairs] = opened
      expect([term, vote, snapshotIndex, snapshotTerm, lastIndex, runs]).toEqual([4, 2, 0, 0, 2, 2])
      expect(pairs).toEqual([1, TERM, 2, 4])
    })

    test('a log of more terms than an events array holds is opened in pieces', async () => {
      const terms = limits.eventsDoublesMax / 2 + 1_000
      const step = 10_000
      for (let first = 1; first <= terms; first += step) {
        const count = Math.min(step, terms - first + 1)
        const entries = Array.from({ length: count }, (_, i) => noop(first + i, first + i))
        driver.exchange([[Command.PERSIST, GROUP, first + count, 1, 0], ...entries])
      }
      durable(terms, terms)
      await reopen()
      const [count = 0, ...pairs] = driver.waitFor(Event.OPENED_RUNS)
      const runs = [...pairs, ...opened.slice(9)]
      expect([count * 2, opened[5]]).toEqual([pairs.length, terms])
      expect(runs).toEqual(Array.from({ length: terms }, (_, i) => [i + 1, i + 1]).flat())
    })

    test('what waits fails when told to, and what comes later is announced again', () => {
      driver.exchange([HARD_STATE, LEAD, noop(1)])
      harness.propose(2)
      driver.waitFor(Event.PROPOSALS)
      driver.exchange([[Command.FAIL, GROUP, Code.NOT_LEADER]])
      driver.exchange([], 20)
      expect(harness.answers()).toEqual([Code.NOT_LEADER, Code.NOT_LEADER])
      harness.propose(1)
      expect(driver.waitFor(Event.PROPOSALS)[0]).toBe(1)
    })

    test('an events array without room gets none, and loses none', () => {
      driver.exchange([HARD_STATE, LEAD, noop(1)])
      harness.propose(1)
      for (let i = 0; i < 3; i += 1) expect(driver.exchange([], 0, 2)).toEqual([])
      expect(driver.waitFor(Event.PROPOSALS)[0]).toBe(1)
      durable(1, TERM)
    })

    test('a message that must be durable follows what was handed over before; others go at once', async () => {
      await harness.connect(driver)
      driver.exchange([HARD_STATE, noop(1), send(Message.APPEND_REPLY, 1), send(Message.APPEND, 0)])
      durable(1, TERM)
      driver.exchange([], 20)
      expect(harness.sent(2).map(({ kind }) => kind)).toEqual([Message.APPEND, Message.APPEND_REPLY])
    })

    test('entries go along as the index range says, with their terms', async () => {
      await harness.connect(driver)
      driver.exchange([HARD_STATE, noop(1), noop(2), noop(3, 2), send(Message.APPEND, 0, 2, 4, 2)])
      driver.exchange([], 20)
      expect(harness.sent(1)[0]!.entryTerms).toEqual([TERM, 2])
    })

    test('a message of as many terms as one may have arrives whole, and of more as many go along', async () => {
      await harness.connect(driver)
      const most = limits.appendRunsMax
      const terms = Array.from({ length: most }, (_, i) => i + 1)
      harness.deliver({ kind: Message.APPEND, term: most, fields: NO_FIELDS, entryTerms: terms })
      const [, , , handle = 0, ...rest] = driver.waitFor(Event.MESSAGE)
      expect(rest.slice(7)).toEqual([most, ...terms.flatMap((term) => [term, 1])])
      // Into the log as it came, and a few more terms.
      const more = [1, 2, 3].map((n) => noop(most + n, most + n))
      driver.exchange([HARD_STATE, [Command.APPEND, GROUP, handle, 1, 0, ...rest.slice(7)], ...more])
      driver.exchange([send(Message.APPEND, 0, 1, most + 4, most + 3)])
      driver.exchange([], 20)
      expect(harness.sent(1)[0]!.entryTerms).toEqual(terms)
    })

    describe('a received payload', () => {
      const message: WireMessage = { kind: Message.APPEND, term: 3, fields: [0, 0, 7, 9, 0, 5], entryTerms: [1, 1, 3] }
      let fields: readonly number[]

      beforeEach(async () => {
        await harness.connect(driver)
        harness.deliver(message)
        fields = driver.waitFor(Event.MESSAGE)
      })

      test('is announced with its header and its runs of terms', () => {
        const [from, kind, term, handle, ...rest] = fields
        expect([from, kind, term]).toEqual([harness.other, Message.APPEND, 3])
        expect(handle).toBeGreaterThan(0)
        expect(rest.slice(0, 6)).toEqual(message.fields)
        expect(rest.slice(7)).toEqual([2, 1, 2, 3, 1])
      })

      test('is written from the first entry that is wanted, and cuts what was there', async () => {
        const handle = fields[3]!
        driver.exchange([HARD_STATE, noop(1), noop(2), noop(3), [Command.APPEND, GROUP, handle, 2, 1, 2, 1, 1, 3, 1]])
        durable(3, 3)
        await reopen()
        expect(opened[5]).toBe(3)
        expect(opened.slice(8)).toEqual([2, 1, 1, 3, 3])
      })

      test('is forgotten when it is dropped', () => {
        driver.exchange([[Command.DROP, GROUP, fields[3]!]])
        expect(driver.comes(Event.DURABLE)).toBe(false)
      })
    })
  })
}
