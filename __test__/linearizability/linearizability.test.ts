// Goal: the checker of histories says yes to what is linearizable and no to what is not: on histories written by hand, and on
// thousands of small random ones, for which all orders are tried beside it.
import { expect, test } from 'vitest'
import { Random } from '../client/random.js'
import { checkStore, type StoreCall, type StoreInput, type StoreOutput } from './store.js'

const CASES = Number(process.env['RAFTERDB_FUZZ_CASES'] ?? 3_000)

const UNKNOWN = Number.POSITIVE_INFINITY
const put = (key: string, value: string | null): StoreInput => ({ type: 'txn', if: [], then: [[key, value]] })
const read = (...keys: string[]): StoreInput => ({ type: 'read', keys })
const swap = (key: string, from: string | null, to: string | null): StoreInput => ({
  type: 'txn',
  if: [[key, from]],
  then: [[key, to]],
})

type Line = [begin: number, end: number, input: StoreInput, output?: StoreOutput]

function historyOf(lines: readonly Line[]): StoreCall[] {
  return lines.map(([begin, end, input, output], i) => ({ client: `c${i}`, begin, end, input, output }))
}

const GOOD: Record<string, Line[]> = {
  nothing: [],
  'a read after a write': [
    [0, 1, put('k', 'a'), true],
    [2, 3, read('k'), ['a']],
  ],
  'a read beside a write sees it or not': [
    [0, 10, put('k', 'a'), true],
    [1, 2, read('k'), [null]],
    [3, 4, read('k'), ['a']],
  ],
  'a write that nobody knows of is seen late': [
    [0, UNKNOWN, put('k', 'a')],
    [1, 2, read('k'), [null]],
    [3, 4, put('k', 'b'), true],
    [5, 6, read('k'), ['a']],
  ],
  'a write that nobody knows of was never done': [
    [0, UNKNOWN, put('k', 'a')],
    [1, 2, read('k'), [null]],
  ],
  'of two swaps one holds': [
    [0, 5, swap('k', null, 'a'), false],
    [0, 5, swap('k', null, 'b'), true],
    [6, 7, read('k'), ['b']],
  ],
  'reads of two keys at once': [
    [
      0,
      9,
      {
        type: 'txn',
        if: [],
        then: [
          ['x', '1'],
          ['y', '1'],
        ],
      },
      true,
    ],
    [1, 2, read('x', 'y'), [null, null]],
    [3, 4, read('y', 'x'), ['1', '1']],
  ],
  'what touches counts as at once': [
    [0, 1, put('k', 'a'), true],
    [1, 2, read('k'), [null]],
  ],
}

const BAD: Record<string, Line[]> = {
  'a stale read': [
    [0, 1, put('k', 'a'), true],
    [2, 3, read('k'), [null]],
  ],
  'a value that was there and is not': [
    [0, 10, put('k', 'a'), true],
    [1, 2, read('k'), ['a']],
    [3, 4, read('k'), [null]],
  ],
  'a value that nobody wrote': [[0, 1, read('k'), ['a']]],
  'a lost write': [
    [0, 1, put('k', 'a'), true],
    [2, 3, put('k', 'b'), true],
    [4, 5, read('k'), ['a']],
  ],
  'a write that nobody knows of is done twice': [
    [0, UNKNOWN, put('k', 'a')],
    [1, 2, read('k'), ['a']],
    [3, 4, put('k', 'b'), true],
    [5, 6, read('k'), ['a']],
  ],
  'two swaps from the same value hold': [
    [0, 5, swap('k', null, 'a'), true],
    [0, 5, swap('k', null, 'b'), true],
  ],
  'half of a transaction': [
    [
      0,
      9,
      {
        type: 'txn',
        if: [],
        then: [
          ['x', '1'],
          ['y', '1'],
        ],
      },
      true,
    ],
    [1, 2, read('x', 'y'), ['1', null]],
  ],
  'two keys in two orders': [
    [0, 9, put('x', '1'), true],
    [0, 9, put('y', '1'), true],
    [1, 2, read('x', 'y'), ['1', null]],
    [1, 2, read('y', 'x'), ['1', null]],
  ],
  'a write from before it was asked for': [
    [0, 1, read('k'), ['a']],
    [2, UNKNOWN, put('k', 'a')],
  ],
  'a deleted key that is there': [
    [0, 1, put('k', 'a'), true],
    [2, 3, put('k', null), true],
    [4, 5, read('k'), ['a']],
  ],
}

for (const [name, lines] of Object.entries(GOOD))
  test(`linearizable: ${name}`, () => expect(checkStore(historyOf(lines))).toEqual([]))
for (const [name, lines] of Object.entries(BAD))
  test(`not linearizable: ${name}`, () => expect(checkStore(historyOf(lines))).toHaveLength(1))

/** Whether any order of any of the calls that may be left out fits: all of them are tried. */
function isInSomeOrder(calls: StoreCall[], state: ReadonlyMap<string, string | null> = new Map()): boolean {
  if (calls.every(({ end }) => end === UNKNOWN)) return true
  return calls.some((call, i) => {
    const others = calls.filter((_, other) => other !== i)
    if (others.some(({ end }) => end < call.begin)) return false
    const { input, output } = call
    const current = (key: string) => state.get(key) ?? null
    if (input.type === 'read') {
      const isSo = output === undefined || input.keys.every((key, at) => (output as (string | null)[])[at] === current(key))
      return isSo && isInSomeOrder(others, state)
    }
    const holds = input.if.every(([key, value]) => current(key) === value)
    if (output !== undefined && output !== holds) return false
    return isInSomeOrder(others, holds ? new Map([...state, ...input.then]) : state)
  })
}

/** Some calls at random on two keys and two values, their answers too: about as many that fit as that do not. */
function randomHistory(random: Random): StoreCall[] {
  const value = () => random.pick([null, 'a', 'b'])
  const key = () => random.pick(['x', 'y'])
  return Array.from({ length: 2 + random.below(5) }, (_, i) => {
    const begin = random.below(8)
    const isUnknown = random.below(5) === 0
    const kind = random.below(4)
    const keys = random.below(3) === 0 ? ['x', 'y'] : [key()]
    const input: StoreInput =
      kind === 0
        ? { type: 'read', keys }
        : { type: 'txn', if: kind === 1 ? [[key(), value()]] : [], then: keys.map((one) => [one, value()] as const) }
    const output = input.type === 'read' ? input.keys.map(value) : input.if.length === 0 || random.below(2) === 0
    return {
      ...{ client: `c${i}`, input, begin },
      ...(isUnknown ? { end: UNKNOWN, output: undefined } : { end: begin + random.below(6), output }),
    }
  })
}

test(`says what trying all orders says, for ${CASES} small histories`, () => {
  const counts = { good: 0, bad: 0 }
  for (let seed = 1; seed <= CASES; seed++) {
    const history = randomHistory(new Random(seed))
    const isGood = isInSomeOrder(history)
    expect(checkStore(history).length === 0, `seed ${seed}: ${JSON.stringify(history)}`).toBe(isGood)
    counts[isGood ? 'good' : 'bad']++
  }
  expect(Math.min(counts.good, counts.bad), JSON.stringify(counts)).toBeGreaterThan(CASES / 5)
})

test('a long history of many clients is checked, and one stale read in it is found', () => {
  const random = new Random(1)
  const history: StoreCall[] = []
  const values = new Map<string, string | null>()
  for (let i = 0; i < 20_000; i++) {
    // Done at i, asked for up to five calls earlier and answered up to five later.
    const key = `k${random.below(3)}`
    const isRead = random.below(2) === 0
    const output = isRead ? [values.get(key) ?? null] : true
    if (!isRead) values.set(key, `v${i}`)
    const times = { begin: i - random.next() * 5, end: i + random.next() * 5 }
    history.push({ client: 'c', input: isRead ? read(key) : put(key, `v${i}`), output, ...times })
  }
  expect(checkStore(history)).toEqual([])
  const stale = history.findLastIndex(({ input }) => input.type === 'read')
  history[stale] = { ...(history[stale] as StoreCall), output: ['v0'] }
  expect(checkStore(history)).toHaveLength(1)
})
