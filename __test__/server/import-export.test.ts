// What is imported comes out of export again; an import goes on through failures that pass and stops at others with the line.
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { RafterError } from '../../src/errors.js'
import { FakeDatabase } from './fake-database.js'
import { shell } from './shell.js'

const sample = new URL('../../examples/data/debian-sample.ndjson', import.meta.url)
const directory = () => mkdtempSync(join(tmpdir(), 'rafterdb-'))
const linesOf = (text: string) => text.trimEnd().split('\n')
const records = (text: string) =>
  linesOf(text)
    .map((line) => JSON.parse(line))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
const ndjson = (count: number) =>
  Array.from({ length: count }, (_, n) => `${JSON.stringify({ key: `k${n}`, value: `v${n}` })}\n`).join('')

test('export equals import, plain and gzip, to stdout and to files', async () => {
  const dir = directory()
  const text = readFileSync(sample, 'utf8')
  const packed = join(dir, 'sample.gz')
  writeFileSync(packed, gzipSync(text))
  for (const file of [sample.pathname, packed]) {
    const db = new FakeDatabase()
    const imported = await shell(['import', file, '--json'], { db })
    expect(imported).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(imported.out)).toMatchObject({ imported: 200, retries: 0 })
    const { out } = await shell(['export'], { db })
    expect(records(out)).toEqual(records(text))
    const target = join(dir, 'out.ndjson.gz')
    expect((await shell(['export', '--out', target], { db })).out).toMatch(
      /^200 records exported at revision 200 in .* s \(.*\/s\)\n$/,
    )
    expect(gunzipSync(readFileSync(target)).toString()).toBe(out)
  }
  expect(readdirSync(dir).sort()).toEqual(['out.ndjson.gz', 'sample.gz'])
})

test('standard input is imported with `-`', async () => {
  const db = new FakeDatabase()
  expect((await shell(['import', '-'], { db, stdin: ndjson(3) })).out).toMatch(/^3 records imported in /)
  expect((await shell(['import', '-'], { db, stdin: gzipSync(ndjson(5)) })).out).toMatch(/^5 records imported in /)
  expect((await shell(['import', '-'], { db, stdin: '' })).out).toMatch(/^0 records imported in /)
})

test('bytes that are not text survive the way out and back', async () => {
  const db = new FakeDatabase()
  const keys = [Uint8Array.from([0xff, 0xfe]), Uint8Array.from([0xef, 0xbb, 0xbf, 0x61]), Buffer.from('tab\tquote"\u2028')]
  for (const key of keys) await db.put(key, Uint8Array.from([0x80, 0, 10]))
  const { out } = await shell(['export'], { db })
  const copy = new FakeDatabase()
  expect((await shell(['import', '-'], { db: copy, stdin: out })).code).toBe(0)
  expect([...copy.rows.keys()].sort()).toEqual([...db.rows.keys()].sort())
  expect((await shell(['export'], { db: copy })).out).toBe(out)
})

test('many puts are under way at once, but never more than allowed', async () => {
  const db = new FakeDatabase()
  await shell(['import', '-', '--in-flight', '16'], { db, stdin: ndjson(500) })
  expect(db.rows.size).toBe(500)
  expect(db.inFlightMost).toBe(16)
})

test('puts are repeated while there is no leader, and every record arrives once', async () => {
  const db = new FakeDatabase()
  const failures: Record<string, number> = { k7: 2, k9: 3 }
  db.beforePut = (key) => {
    const left = failures[key] ?? 0
    failures[key] = left - 1
    if (left > 0) throw new RafterError(key === 'k7' ? 'NO_LEADER' : 'TIMEOUT', 'it passes')
  }
  const { code, out } = await shell(['import', '-', '--json'], { db, stdin: ndjson(50) })
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ imported: 50, retries: 5 })
  expect(db.rows.size).toBe(50)
})

test('puts of one key stay in order, also when the first has to be repeated', async () => {
  const db = new FakeDatabase()
  let failed = false
  db.beforePut = (_key, value) => {
    if (value === 'first' && !failed) {
      failed = true
      throw new RafterError('LEADER_LOST', 'leader lost')
    }
  }
  await shell(['import', '-'], {
    db,
    stdin: '{"key":"k","value":"first"}\n{"key":"k","value":"second"}\n{"key":{"base64":"aw=="},"value":"last"}\n',
  })
  expect(await db.get('k')).toBe('last')
})

test('gives up when the failure does not pass within --retry-for', async () => {
  const db = new FakeDatabase()
  db.beforePut = () => {
    throw new RafterError('NO_LEADER', 'no leader')
  }
  const { code, err } = await shell(['import', '-', '--retry-for', '100ms'], { db, stdin: ndjson(2) })
  expect(code).toBe(1)
  expect(err).toMatch(/^rafterdb: standard input, line [12]: no leader \(NO_LEADER\); 0 records were imported\n$/)
})

test('a failure that does not pass stops at once, with its line and the count', async () => {
  const db = new FakeDatabase()
  db.beforePut = (key) => {
    if (key === 'k3') throw new RafterError('VALUE_TOO_LARGE', 'the value is too large')
  }
  const { code, err } = await shell(['import', '-', '--in-flight', '1'], { db, stdin: ndjson(10) })
  expect(code).toBe(1)
  expect(err).toBe('rafterdb: standard input, line 4: the value is too large (VALUE_TOO_LARGE); 3 records were imported\n')
})

const badLines: [string, RegExp][] = [
  ['{"key":"a"}', /line 2: "value" is missing/],
  ['{"key":"a","value":1}', /line 2: "value" must be a string/],
  ['{"key":"a","value":"\\ud800"}', /line 2: "value" has half of a surrogate pair/],
  ['{"key":"a",', /line 2: .*JSON/],
  ['[]', /line 2: "key" is missing/],
  ['7', /line 2: expected an object/],
]

test.each(badLines)('%s is refused with its line', async (line, message) => {
  const { code, err } = await shell(['import', '-'], { stdin: `${ndjson(1)}${line}\n${ndjson(1)}` })
  expect(code).toBe(2)
  expect(err).toMatch(message)
  expect(err).toMatch(/; 1 records were imported\n$/)
})

test('a file that is not there, and a gzip file cut short', async () => {
  const dir = directory()
  expect(await shell(['import', join(dir, 'none')])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^rafterdb: cannot read .*none: ENOENT/),
  })
  const cut = join(dir, 'cut.gz')
  writeFileSync(cut, gzipSync(ndjson(1_000)).subarray(0, 500))
  expect(await shell(['import', cut])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^rafterdb: cannot read .*cut\.gz: unexpected end of file/),
  })
})

test('an export that fails leaves the old file as it was', async () => {
  const dir = directory()
  const file = join(dir, 'out.ndjson')
  writeFileSync(file, 'old')
  const db = new FakeDatabase()
  await db.put('a', 'b')
  const failing = Object.assign(Object.create(db), {
    async *range() {
      yield* db.range({ as: 'bytes' })
      throw new RafterError('UNREACHABLE', 'gone')
    },
  })
  expect((await shell(['export', '--out', file], { db: failing })).code).toBe(3)
  expect(readFileSync(file, 'utf8')).toBe('old')
  expect(readdirSync(dir)).toEqual(['out.ndjson'])
  const nowhere = await shell(['export', '--out', join(dir, 'no', 'where')], { db })
  expect(nowhere).toMatchObject({ code: 1, err: expect.stringMatching(/^rafterdb: cannot write .*ENOENT[^\n]*\n$/) })
  expect(existsSync(join(dir, 'no'))).toBe(false)
})

test('an import with --bump-revision comes after that revision, whatever the store has had', async () => {
  const db = new FakeDatabase()
  let failures = 2
  db.beforeRaise = () => {
    if (failures-- > 0) throw new RafterError('NO_LEADER', 'it passes')
  }
  const bumped = await shell(['import', '-', '--bump-revision', '1000'], { db, stdin: ndjson(3) })
  expect(bumped).toMatchObject({ code: 0, out: expect.stringMatching(/^3 records imported .*, all above revision 1000\n$/) })
  expect([...db.rows.values()].map(({ modRevision }) => modRevision)).toEqual([1001, 1002, 1003])
  const again = await shell(['import', '-', '--bump-revision', '5', '--json'], { db, stdin: ndjson(1) })
  expect(JSON.parse(again.out)).toMatchObject({ imported: 1, bumpedTo: 1003 })
  for (const wrong of ['0', '-1', '1.5', 'x', String(2 ** 52 + 1)]) {
    const { code, err } = await shell(['import', '-', '--bump-revision', wrong], { db, stdin: ndjson(1) })
    expect([code, err]).toEqual([2, expect.stringContaining('--bump-revision')])
  }
})

test('nothing is imported when the revision cannot be raised', async () => {
  const db = new FakeDatabase()
  db.beforeRaise = () => {
    throw new RafterError('NO_LEADER', 'no leader')
  }
  const { code, err } = await shell(['import', '-', '--bump-revision', '9', '--retry-for', '100ms'], { db, stdin: ndjson(2) })
  expect([code, err]).toEqual([1, expect.stringContaining('NO_LEADER')])
  expect(db.rows.size).toBe(0)
})

test('an export says at which revision it was taken', async () => {
  const db = new FakeDatabase()
  await db.put('a', 'b')
  const file = join(directory(), 'out.ndjson')
  expect(JSON.parse((await shell(['export', '--out', file, '--json'], { db })).out)).toMatchObject({ exported: 1, revision: 1 })
  expect((await shell(['export'], { db, terminal: true })).err).toContain('1 record exported at revision 1 in ')
})

test('a progress bar is drawn on terminals only', async () => {
  const db = new FakeDatabase()
  db.beforePut = () => new Promise((resolve) => setTimeout(resolve, 5))
  const { err } = await shell(['import', sample.pathname, '--in-flight', '8'], { db, terminal: true })
  expect(err).toMatch(/import \[[#-]{24}\] +\d+% \d+ keys, [\d,]+\/s/)
  expect(err.endsWith('\r\u001b[K')).toBe(true)
  expect((await shell(['import', sample.pathname], { db })).err).toBe('')
})
