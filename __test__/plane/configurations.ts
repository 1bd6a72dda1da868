// What every plane must do with configurations, native or simulated: FORMATS.md, "The exchange", seen from the worker's side.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Code } from '../../src/codes.js'
import { Command, Event } from '../../src/plane/record-kinds.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { PlaneDriver } from './driver.js'
import type { PlaneHarness } from './suite.js'

const GROUP = 0
const TERM = 1

/** Runs the cases against the planes of one implementation. */
export function configurationSuite(name: string, create: () => PlaneHarness): void {
  describe(`${name}: configurations`, () => {
    let harness: PlaneHarness
    let driver: PlaneDriver
    /** Both vote; this one alone votes, and the other one learns. */
    let both: readonly number[]
    let alone: readonly number[]

    beforeEach(async () => {
      harness = create()
      driver = new PlaneDriver(await harness.open())
      driver.waitFor(Event.OPENED)
      both = [harness.self, 1, harness.other, 1]
      alone = [harness.self, 1, harness.other, 0]
      driver.exchange([[Command.PERSIST, GROUP, TERM, 1, 0]])
    })
    afterEach(() => harness.close())

    const noop = (index: number, term = TERM): number[] => [Command.NOOP, GROUP, index, term]
    const configure = (asker: number, index: number, pairs: readonly number[]): number[] => [
      ...[Command.CONFIGURE, GROUP, asker, index, TERM, pairs.length / 2],
      ...pairs,
    ]
    const durable = (index: number): void => {
      while (driver.waitFor(Event.DURABLE)[0] !== index);
    }

    test('a wish for other members is passed on, written, and answered when it is over', () => {
      driver.exchange([[Command.ROLE, GROUP, Role.LEADER, TERM, harness.self], noop(1)])
      harness.change(0, alone)
      const [asker = 0, ...wish] = driver.waitFor(Event.CHANGE)
      expect(asker).toBeGreaterThan(0)
      expect(wish).toEqual([0, 0, 2, ...alone])
      driver.exchange([configure(asker, 2, alone), [Command.ROSTER, GROUP, 2, ...alone]])
      durable(2)
      expect(harness.answers()).toEqual([])
      driver.exchange([
        [Command.COMMIT, GROUP, 2],
        [Command.CHANGE_OVER, GROUP, asker, Code.OK],
      ])
      expect(harness.answers()).toEqual([Code.OK])
    })

    test('who wishes for other members in vain is told why, once', () => {
      driver.exchange([[Command.ROLE, GROUP, Role.LEADER, TERM, harness.self], noop(1)])
      harness.change(3, alone)
      const [asker = 0, from] = driver.waitFor(Event.CHANGE)
      expect(from).toBe(3)
      driver.exchange([[Command.CHANGE_OVER, GROUP, asker, Code.MEMBERS_CHANGING]])
      driver.exchange([[Command.CHANGE_OVER, GROUP, asker, Code.MEMBERS_CHANGING]])
      expect(harness.answers()).toEqual([Code.MEMBERS_CHANGING])
    })

    test('a restart tells the one that the store has and those of the log after it', async () => {
      driver.exchange([noop(1), configure(0, 2, both), [Command.COMMIT, GROUP, 2]])
      while (driver.waitFor(Event.APPLIED)[0] !== 2);
      harness.persist()
      while (driver.waitFor(Event.PERSISTED)[0] !== 2);
      driver.exchange([configure(0, 3, alone), noop(4), configure(0, 5, both)])
      durable(5)
      driver = new PlaneDriver(await harness.reopen())
      driver.waitFor(Event.OPENED)
      const told = [1, 2, 3].map(() => driver.waitFor(Event.CONFIGURATION))
      expect(told).toEqual([
        [2, TERM, 2, ...both],
        [3, TERM, 2, ...alone],
        [5, TERM, 2, ...both],
      ])
    })

    test('what a member is besides goes with it both ways: a witness, and who should lead', async () => {
      const ranked = [harness.self, 1 + 256 * 9, harness.other, 1 + 4]
      driver.exchange([[Command.ROLE, GROUP, Role.LEADER, TERM, harness.self], noop(1)])
      harness.change(0, ranked)
      const [asker = 0, ...wish] = driver.waitFor(Event.CHANGE)
      expect(wish).toEqual([0, 0, 2, ...ranked])
      driver.exchange([configure(asker, 2, ranked), [Command.ROSTER, GROUP, 2, harness.self, 1, harness.other, 1]])
      durable(2)
      driver = new PlaneDriver(await harness.reopen())
      driver.waitFor(Event.OPENED)
      expect(driver.waitFor(Event.CONFIGURATION)).toEqual([2, TERM, 2, ...ranked])
    })

    test('and comes with a message', async () => {
      const ranked = [harness.self, 1 + 256 * 255, harness.other, 1 + 4 + 256]
      await harness.connect(driver)
      harness.deliverConfigurations(TERM, [undefined, ranked])
      driver.waitFor(Event.MESSAGE)
      expect(driver.waitFor(Event.CONFIGURATION)).toEqual([1, 0, 2, ...ranked])
    })

    test('those of a message are told before it, with how many entries come before each', async () => {
      await harness.connect(driver)
      harness.deliverConfigurations(TERM, [undefined, both, undefined, alone])
      const [, , , handle = 0] = driver.waitFor(Event.MESSAGE)
      expect([1, 2].map(() => driver.waitFor(Event.CONFIGURATION))).toEqual([
        [1, 0, 2, ...both],
        [3, 0, 2, ...alone],
      ])
      // The last entry is another one in the end.
      driver.exchange([[Command.APPEND, GROUP, handle, 1, 0, 1, TERM, 4]])
      harness.deliver({ kind: Message.APPEND, term: TERM, fields: [0, 0, 0, 0, 0, 0], entryTerms: [TERM] })
      const [, , , other = 0] = driver.waitFor(Event.MESSAGE)
      driver.exchange([[Command.APPEND, GROUP, other, 4, 0, 1, TERM, 1]])
      durable(4)
      driver = new PlaneDriver(await harness.reopen())
      driver.waitFor(Event.OPENED)
      expect(driver.waitFor(Event.CONFIGURATION)).toEqual([2, TERM, 2, ...both])
      expect(driver.comes(Event.CONFIGURATION)).toBe(false)
    })
  })
}
