// The checker of writes is satisfied by a right outcome, and catches each kind of wrong one.
import { expect, test } from 'vitest'
import { checkWrites, type Outcome } from './check-writes.js'
import { WriteRecord } from './record.js'

/** Three acknowledged writes, one that may or may not have been done, and a counter. */
function run(): { record: WriteRecord; outcome: Outcome } {
  const record = new WriteRecord()
  record.acknowledge(record.begin('key/1', 'one'), 2)
  record.acknowledge(record.begin('hot', 'first'), 3)
  record.acknowledge(record.begin('hot', 'second'), 4)
  record.begin('hot', 'third')
  record.acknowledge(record.begin('counter/0', '1 a'), 5)
  record.acknowledge(record.begin('counter/0', '2 b'), 6)
  const history = [
    { revision: 2, key: 'key/1', value: 'one', version: 1 },
    { revision: 3, key: 'hot', value: 'first', version: 1 },
    { revision: 4, key: 'hot', value: 'second', version: 2 },
    { revision: 5, key: 'counter/0', value: '1 a', version: 1 },
    { revision: 6, key: 'counter/0', value: '2 b', version: 2 },
  ]
  const pairs = [0, 2, 4].map((at) => {
    const { revision, ...pair } = history[at]!
    return { ...pair, modRevision: revision }
  })
  return { record, outcome: { pairs, history } }
}

test('a right outcome passes, whether what was not acknowledged was done or not', () => {
  const { record, outcome } = run()
  expect(checkWrites(record, outcome)).toEqual([])
  outcome.history.push({ revision: 7, key: 'hot', value: 'third', version: 3 })
  outcome.pairs[1] = { key: 'hot', value: 'third', version: 3, modRevision: 7 }
  expect(checkWrites(record, outcome)).toEqual([])
})

type Spoil = (outcome: Outcome, record: WriteRecord) => void
const canaries: [string, RegExp, Spoil][] = [
  ['a lost key', /key\/1=one, acknowledged at revision 2, is lost/, ({ history, pairs }) => [history.shift(), pairs.shift()]],
  ['a lost overwrite', /hot=second, acknowledged at revision 4, is lost/, ({ history }) => history.splice(2, 1)],
  ['a live pair that is missing', /key\/1 was put and is not there/, ({ pairs }) => pairs.shift()],
  ['a live pair of an older value', /hot is first/, ({ pairs }) => Object.assign(pairs[1]!, { value: 'first' })],
  [
    'an altered value',
    /key\/1=won at revision 2 was never written/,
    ({ history }) => Object.assign(history[0]!, { value: 'won' }),
  ],
  [
    'a key that nobody wrote',
    /other=x at revision 7 was never written/,
    ({ history }) => history.push({ revision: 7, key: 'other', value: 'x', version: 1 }),
  ],
  [
    'a write applied twice',
    /hot=second was applied twice, at revisions 4 and 7/,
    ({ history }) => history.push({ revision: 7, key: 'hot', value: 'second', version: 3 }),
  ],
  ['a version that jumps', /hot has version 3 after 2 puts/, ({ history }) => Object.assign(history[2]!, { version: 3 })],
  [
    'a write at another revision',
    /acknowledged at revision 4, is at 8/,
    ({ history }) => Object.assign(history[2]!, { revision: 8 }),
  ],
  [
    'a counter that repeats',
    /counter\/0 counts to 1 b where 2 follows/,
    ({ history }, record) => {
      Object.assign(history[4]!, { value: '1 b' })
      Object.assign(record.attempts[5]!, { value: '1 b' })
    },
  ],
  [
    'a counter that skips',
    /counter\/0 counts to 3 b where 2 follows/,
    ({ history }, record) => {
      Object.assign(history[4]!, { value: '3 b' })
      Object.assign(record.attempts[5]!, { value: '3 b' })
    },
  ],
]

test.each(canaries)('catches %s', (_name, finding, spoil) => {
  const { record, outcome } = run()
  spoil(outcome, record)
  expect(checkWrites(record, outcome)).toEqual(expect.arrayContaining([expect.stringMatching(finding)]))
})
