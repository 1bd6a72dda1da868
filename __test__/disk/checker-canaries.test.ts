// Goal: the checker of this folder sees what it is there to see: a lost write, an old value, something invented, a wrong
// version or revision; and takes the one operation under way either way.
import { expect, test } from 'vitest'
import { check, checkAt, knownRevisions } from './check.js'
import type { DumpedPair } from './child.js'
import type { Ledger } from './ledger.js'
import { digestOf } from './model.js'
import type { Lanes, Value } from './plan.js'

const one: Value = { tag: 'one|', bytes: 20 }
const two: Value = { tag: 'two|', bytes: 30 }
const lanes: Lanes = {
  l0: [
    { type: 'put', key: 'l0/a', value: one },
    { type: 'put', key: 'l0/a', value: two },
    { type: 'put', key: 'l0/b', value: one },
  ],
}
/** Two were acknowledged, the third was under way. */
const ledger: Ledger = {
  lanes: new Map([
    [
      'l0',
      {
        started: 3,
        revisions: new Map([
          [0, 2],
          [1, 3],
        ]),
        error: null,
      },
    ],
  ]),
  fatals: [],
}
const pair = (key: string, version: number, modified: number, created: number, value: Value): DumpedPair => [
  key,
  version,
  modified,
  created,
  value.bytes,
  digestOf(value),
]
const right = pair('l0/a', 2, 3, 2, two)

test('what was acknowledged, with and without what was under way', () => {
  expect(check(lanes, ledger, [right])).toEqual([])
  expect(check(lanes, ledger, [right, pair('l0/b', 1, 4, 4, one)])).toEqual([])
  expect(knownRevisions(lanes, ledger, 0)).toEqual([2, 3])
  expect(checkAt(lanes, ledger, 2, [pair('l0/a', 1, 2, 2, one)])).toEqual([])
})

test.for<[string, DumpedPair[]]>([
  ['a lost key', []],
  ['an older value', [pair('l0/a', 1, 2, 2, one)]],
  ['another value', [pair('l0/a', 2, 3, 2, { tag: 'two|', bytes: 31 })]],
  ['another version', [pair('l0/a', 3, 3, 2, two)]],
  ['another revision', [pair('l0/a', 2, 4, 2, two)]],
  ['another revision of creation', [pair('l0/a', 2, 3, 3, two)]],
  ['a key never written', [right, pair('l0/c', 1, 4, 4, one)]],
  ['a key of nobody', [right, pair('x', 1, 4, 4, one)]],
  ['half of what was under way', [pair('l0/b', 1, 4, 4, one)]],
])('canary: %s', ([, pairs]) => {
  expect(check(lanes, ledger, pairs)).not.toEqual([])
})

test('canary: the state of another revision', () => {
  expect(checkAt(lanes, ledger, 2, [right])).not.toEqual([])
})
