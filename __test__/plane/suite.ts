// What every plane must do, native or simulated: the promises of crates/codec/FORMATS.md, seen from the worker's side.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Code } from '../../src/codes.js'
import { limits } from '../../src/limits.js'
import type { Plane } from '../../src/plane/plane.js'
import { Command, Event } from '../../src/plane/record-kinds.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
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
  /** Submits one linearizable read of a client of this member. */
  read(): void
  /** Submits a client's wish that the other member leads. */
  transfer(): void
  /** Submits a client's wish for these members, made from the configuration of that index: pairs of (id, 1 if it votes, else 0). */
  change(from: number, pairs: readonly number[]): void
  /** The other member sends an append of as many entries, of which some are configurations of these parts. */
  deliverConfigurations(term: number, entries: readonly (readonly number[] | undefined)[]): void
  /** The other member leads in `term`, and knows that all up to index is committed, whenever it is asked. */
  otherLeads(index: number, term: number): void
  /** The other member asks this one, as its leader, what is committed. */
  ask(): void
  /** The code, index and term of the answer to that; waits until it has come, and returns nothing if it does not. */
  told(driver: PlaneDriver): readonly number[]
  /** Has the store write its state out. */
  persist(): void
  /** Asks this member to stop. */
  stop(): void
  /** The codes of what was answered, in order. */
  answers(): readonly number[]
  /** The other member sends a message. */
  deliver(message: WireMessage): void
  /** The other member sends a snapshot that ends with (index, term). */
  deliverSnapshot(index: number, term: number): void
  /** (index, term) of the snapshot that the other member has had from this one; waits until it has come. */
  receivedSnapshot(driver: PlaneDriver): readonly number[]
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
    /** The other one leads. */
    let FOLLOW: number[]

    beforeEach(async () => {
      harness = create()
      LEAD = [Command.ROLE, GROUP, Role.LEADER, TERM, harness.self]
      FOLLOW = [Command.ROLE, GROUP, Role.FOLLOWER, TERM, harness.other]
      driver = new PlaneDriver(await harness.open())
      opened = driver.waitFor(Event.OPENED)
    })
    afterEach(() => harness.close())

    /** Commits, and waits until the state machine has got so far. */
    const apply = (index: number): void => {
      let [applied] = driver.waitFor(Event.APPLIED, [commit(index)])
      while (applied !== index) [applied] = driver.waitFor(Event.APPLIED)
    }

    /** Waits until as many were answered, and with these codes. */
    const answeredWith = (codes: readonly number[]): void => {
      for (let i = 0; i < 50 && harness.answers().length < codes.length; i += 1) driver.exchange([], 20)
      expect(harness.answers()).toEqual(codes)
    }

    /** Waits until so many were answered; all with OK. */
    const answered = (count: number): void => {
      answeredWith(Array<number>(count).fill(Code.OK))
    }

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
      apply(3)
      answered(2)
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

    test('a message whose end is to be told goes at once, and tells how far its entries came', async () => {
      await harness.connect(driver)
      const many = limits.appendRunsMax + 3
      const entries = Array.from({ length: many }, (_, i) => noop(i + 1, i + 1))
      driver.exchange([HARD_STATE, ...entries, send(Message.APPEND, 2, 2, many + 1, many)])
      const [to, first, end, bytes = 0] = driver.waitFor(Event.SENT)
      expect([to, first, end]).toEqual([harness.other, 2, 2 + limits.appendRunsMax])
      expect(bytes).toBeGreaterThan(0)
      driver.exchange([send(Message.APPEND, 2)])
      expect(driver.waitFor(Event.SENT)).toEqual([harness.other, 0, 0, 0])
      driver.exchange([], 20)
      const [message, empty] = harness.sent(2)
      expect([message!.entryTerms.length, empty!.entryTerms.length]).toEqual([limits.appendRunsMax, 0])
    })

    test('a message whose end is not to be told tells nothing', async () => {
      await harness.connect(driver)
      driver.exchange([HARD_STATE, noop(1), send(Message.APPEND, 0, 1, 2), send(Message.APPEND, 1, 1, 2)])
      expect(driver.comes(Event.SENT)).toBe(false)
    })

    test('a member that connects is told as a peer', async () => {
      await harness.connect(driver)
    })

    for (const [name, kind] of Object.entries(Message)) {
      test(`${name} passes in both directions with its fields`, async () => {
        await harness.connect(driver)
        const message: WireMessage = { kind, term: 7, fields: [1, 2, 3, 4, 5, 2 ** 52 + 1], entryTerms: [] }
        harness.deliver(message)
        const [from, ...received] = driver.waitFor(Event.MESSAGE)
        expect(from).toBe(harness.other)
        expect(received).toEqual([kind, 7, 0, ...message.fields, 0, 0])
        driver.exchange([HARD_STATE, [Command.SEND, GROUP, harness.other, kind, 7, 0, ...message.fields, 0, 0]])
        driver.exchange([], 20)
        expect(harness.sent(1)).toEqual([message])
      })
    }

    test('reads wait until they are confirmed, and until the index is applied', () => {
      driver.exchange([HARD_STATE, LEAD, noop(1), noop(2)])
      durable(2, TERM)
      apply(1)
      harness.read()
      const [sequence] = driver.waitFor(Event.READS)
      driver.exchange([[Command.SERVE_READS, GROUP, sequence!, 2]])
      driver.exchange([], 20)
      expect(harness.answers()).toEqual([])
      apply(2)
      answered(1)
    })

    test('a lease answers reads until it ends', () => {
      driver.exchange([HARD_STATE, LEAD, noop(1)])
      durable(1, TERM)
      apply(1)
      driver.exchange([[Command.LEASE, GROUP, driver.now + 60_000]])
      harness.read()
      answered(1)
      driver.exchange([[Command.LEASE, GROUP, 0]])
      harness.read()
      driver.waitFor(Event.READS)
      expect(harness.answers()).toEqual([Code.OK])
    })

    test('a wish for another leader is passed on', () => {
      driver.exchange([HARD_STATE, LEAD, noop(1)])
      harness.transfer()
      expect(driver.waitFor(Event.TRANSFER)).toEqual([harness.other])
    })

    test('who wished for another leader is told that it leads, or why it will not', () => {
      driver.exchange([HARD_STATE, LEAD, noop(1)])
      harness.transfer()
      driver.waitFor(Event.TRANSFER)
      expect(harness.answers()).toEqual([])
      driver.exchange([[Command.TRANSFER_OVER, GROUP, harness.other, Code.TIMEOUT]])
      expect(harness.answers()).toEqual([Code.TIMEOUT])
      // Nobody waits any more.
      driver.exchange([[Command.TRANSFER_OVER, GROUP, harness.other, Code.TIMEOUT]])
      harness.transfer()
      driver.waitFor(Event.TRANSFER)
      driver.exchange([FOLLOW])
      expect(harness.answers()).toEqual([Code.TIMEOUT, Code.OK])
    })

    test('a read of a follower asks its leader, tells what is committed, and is answered when that is applied', async () => {
      await harness.connect(driver)
      driver.exchange([HARD_STATE, FOLLOW, noop(1), noop(2)])
      durable(2, TERM)
      harness.otherLeads(2, TERM)
      harness.read()
      expect(driver.waitFor(Event.COMMITTED)).toEqual([2, TERM])
      expect(harness.answers()).toEqual([])
      apply(2)
      answered(1)
      // What is known to be committed is not told again.
      harness.read()
      answered(2)
      expect(driver.comes(Event.COMMITTED)).toBe(false)
    })

    test('a read of a follower fails when its leader cannot confirm it, and when the leader is gone', async () => {
      await harness.connect(driver)
      driver.exchange([HARD_STATE, FOLLOW, noop(1)])
      durable(1, TERM)
      harness.read()
      answeredWith([Code.NO_LEADER])
      harness.otherLeads(2, TERM)
      harness.read()
      expect(driver.waitFor(Event.COMMITTED)).toEqual([2, TERM])
      // It waits for an entry that only a leader which is gone knew.
      driver.exchange([[Command.ROLE, GROUP, Role.FOLLOWER, TERM + 1, 0]])
      answeredWith([Code.NO_LEADER, Code.NO_LEADER])
    })

    test('a leader that is asked names what is committed and its term: with a lease at once, else when it is confirmed', async () => {
      await harness.connect(driver)
      driver.exchange([HARD_STATE, LEAD, noop(1), noop(2)])
      durable(2, TERM)
      apply(1)
      harness.ask()
      const [sequence] = driver.waitFor(Event.READS)
      driver.exchange([[Command.SERVE_READS, GROUP, sequence!, 1]])
      expect(harness.told(driver)).toEqual([Code.OK, 1, TERM])
      driver.exchange([commit(2), [Command.LEASE, GROUP, driver.now + 60_000]])
      harness.ask()
      expect(harness.told(driver)).toEqual([Code.OK, 2, TERM])
    })

    test('a member that does not lead confirms nothing', async () => {
      await harness.connect(driver)
      driver.exchange([HARD_STATE, FOLLOW, noop(1)])
      durable(1, TERM)
      apply(1)
      harness.ask()
      expect(harness.told(driver)).toEqual([Code.NO_LEADER, 0, 0])
    })

    test('what the store holds is told, is there after a restart, and may be cut off the log', async () => {
      driver.exchange([HARD_STATE, LEAD, noop(1), noop(2), noop(3)])
      durable(3, TERM)
      apply(3)
      harness.persist()
      let [persisted, bytes] = driver.waitFor(Event.PERSISTED)
      while (persisted !== 3) [persisted, bytes] = driver.waitFor(Event.PERSISTED)
      expect(bytes).toBeGreaterThan(0)
      driver.exchange([[Command.CUT, GROUP, 2], noop(4)])
      durable(4, TERM)
      await reopen()
      // A plane may cut less than it may.
      expect(opened[3]).toBeLessThanOrEqual(2)
      expect(opened.slice(5, 7)).toEqual([4, 3])
    })

    test('a snapshot reaches the other member, and its sender is told', async () => {
      await harness.connect(driver)
      driver.exchange([HARD_STATE, LEAD, noop(1), noop(2)])
      durable(2, TERM)
      apply(2)
      driver.exchange([[Command.SNAPSHOT_SEND, GROUP, harness.other]])
      expect(harness.receivedSnapshot(driver)).toEqual([2, TERM])
      expect(driver.waitFor(Event.SNAPSHOT_SENT)).toEqual([harness.other, 1, 2])
    })

    test('a received snapshot replaces the state, the log follows, and nobody but the core tells its sender', async () => {
      await harness.connect(driver)
      harness.deliverSnapshot(5, 3)
      expect(driver.waitFor(Event.SNAPSHOT_INSTALLED)).toEqual([1, 5, 3, harness.other])
      driver.exchange([[Command.PERSIST, GROUP, 3, 0, 0], [Command.RESTORE, GROUP, 5, 3], noop(6, 3)])
      durable(6, 3)
      driver.exchange([send(Message.SNAPSHOT_STATUS, 0)])
      driver.exchange([], 50)
      expect(harness.sent(1).map(({ fields }) => fields)).toEqual([NO_FIELDS])
      await reopen()
      expect(opened.slice(3, 6)).toEqual([5, 3, 6])
      expect(opened[6]).toBeGreaterThanOrEqual(5)
    })

    test('a snapshot that is no newer than what is applied is not installed', async () => {
      await harness.connect(driver)
      driver.exchange([HARD_STATE, noop(1), noop(2)])
      durable(2, TERM)
      apply(2)
      harness.deliverSnapshot(2, TERM)
      const installed = driver.comes(Event.SNAPSHOT_INSTALLED) ? driver.waitFor(Event.SNAPSHOT_INSTALLED)[0] : 0
      expect(installed).toBe(0)
    })

    test('a member that is asked to stop tells its worker', () => {
      harness.stop()
      expect(driver.waitFor(Event.CLOSE)).toEqual([])
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
