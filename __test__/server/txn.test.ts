// A transaction is read from text or JSON, run, and its results are printed.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseTxn } from '../../src/server/txn-text.js'
import { FakeDatabase } from './fake-database.js'
import { shell } from './shell.js'

const LOCK = `
# take the lock if nobody has it
if
  version(lock) = 0
then
  put lock "it is me"
else
  get lock
`

test('takes a lock once', async () => {
  const db = new FakeDatabase()
  expect(await shell(['txn'], { db, stdin: LOCK })).toMatchObject({ code: 0, out: 'SUCCEEDED (revision 1)\nput OK\n' })
  expect(await shell(['txn'], { db, stdin: LOCK })).toMatchObject({
    code: 0,
    out: 'FAILED (revision 2)\nget 1\n  lock\tit is me\n',
  })
})

test('prints JSON', async () => {
  const { out } = await shell(['txn', '--json'], { stdin: 'then\nput a b' })
  expect(JSON.parse(out)).toEqual({ succeeded: true, revision: 1, results: [{ type: 'put' }] })
})

test('reads every form of condition and operation', () => {
  const text = `if
    value("a key") != "some \\"text\\""
    mod(b)>12
    create( c ) < 7
    lease(d) = 0
  then
    put k v --previous
    put "--k" "--v"
    put empty ""
    get k
    get --prefix jobs/ --limit 10 --reverse --keys-only
    get --from a --to b
    del k
    del --prefix old/ --previous`
  expect(parseTxn(text, 'test')).toEqual({
    if: [
      { key: 'a key', target: 'value', operator: '!=', operand: 'some "text"' },
      { key: 'b', target: 'modRevision', operator: '>', operand: 12 },
      { key: 'c', target: 'createRevision', operator: '<', operand: 7 },
      { key: 'd', target: 'lease', operator: '=', operand: 0 },
    ],
    then: [
      { type: 'put', key: 'k', value: 'v', previous: true },
      { type: 'put', key: '--k', value: '--v' },
      { type: 'put', key: 'empty', value: '' },
      { type: 'get', key: 'k' },
      { type: 'range', prefix: 'jobs/', limit: 10, reverse: true, keysOnly: true },
      { type: 'range', from: 'a', to: 'b' },
      { type: 'delete', key: 'k' },
      { type: 'delete', prefix: 'old/', previous: true },
    ],
    else: [],
  })
})

test('an empty prefix in quotes is every key', () => {
  const { then } = parseTxn('then\nget --prefix ""\ndel --prefix ""', 'test')
  expect(then).toEqual([
    { type: 'range', prefix: '' },
    { type: 'delete', prefix: '' },
  ])
})

test('reads JSON from a file', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'rafterdb-')), 'txn.json')
  writeFileSync(
    file,
    JSON.stringify({
      if: [{ key: 'k', target: 'version', operator: '=', operand: 0 }],
      then: [{ type: 'put', key: 'k', value: 'v' }],
    }),
  )
  expect(await shell(['txn', '--file', file])).toMatchObject({ code: 0, out: 'SUCCEEDED (revision 1)\nput OK\n' })
})

const mistakes: [string, RegExp][] = [
  ['put a b', /line 1: expected `if` or `then`/],
  ['if\nversion(a) == 0\nthen\nget a', /line 2: version needs a whole number, not `=`|line 2: the right side/],
  ['if\nsize(a) = 0\nthen\nget a', /line 2: cannot compare size/],
  ['if\nversion a = 0\nthen\nget a', /line 2: cannot read the condition/],
  ['if\nversion(a) = x\nthen\nget a', /line 2: version needs a whole number/],
  ['then\nput a', /line 2: write `put KEY VALUE`/],
  ['then\nput a b c', /line 2: write `put KEY VALUE`/],
  ['then\nput a "b', /line 2: a quote is not closed/],
  ['then\nincrement a', /line 2: unknown operation `increment`/],
  ['then\ndel', /line 2: `del` needs a key/],
  ['then\nget a --prefix b', /line 2: `get` needs a key/],
  ['then\ndel a --limit 3', /line 2: `del` does not take --limit/],
  ['if\nversion(a) = 0', /nothing to do/],
  ['{"then": 1}', /"then" must be an array/],
  ['{"when": []}', /unknown part "when"/],
  ['{"then": [}', /standard input: .*JSON/],
]

test.each(mistakes)('refuses %j with its line', async (stdin, line) => {
  const { code, err } = await shell(['txn'], { stdin })
  expect(code).toBe(2)
  expect(err).toMatch(line)
  expect(err).toMatch(/^rafterdb: [^\n]+\n$/)
})
