// Values that lie apart from their rows are answered and compared as others are, once they come from the tables alone.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare, get, open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-large-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** The longest that stays with its row, the shortest that does not, and a large one. */
const LENGTHS = [4_095, 4_096, 100_000]
const value = (length: number, last = 'm') => `${'v'.repeat(length - 1)}${last}`

test('after a start, when nothing is in memory', async () => {
  const dataDir = join(dir, 'store')
  {
    await using db = await open({ dataDir })
    for (const length of LENGTHS) await db.put(`k${length}`, value(length))
  }
  await using db = await open({ dataDir })
  for (const length of LENGTHS) {
    const key = `k${length}`
    const [same, less, more] = [value(length), value(length, 'a'), value(length, 'z')]
    const holds = async (operator: '=' | '!=' | '<' | '>', operand: string) => {
      const { succeeded } = await db
        .txn()
        .if(compare(key, 'value', operator, operand))
        .then(get(key))
        .commit()
      return succeeded
    }
    expect([await holds('=', same), await holds('=', less), await holds('=', same.slice(1))], key).toEqual([true, false, false])
    expect([await holds('!=', same), await holds('!=', less), await holds('!=', same.slice(1))], key).toEqual([false, true, true])
    expect([await holds('<', more), await holds('<', same), await holds('>', less), await holds('>', same)], key).toEqual([
      ...[true, false],
      ...[true, false],
    ])
    expect([await db.get(key), db.getSync(key)], key).toEqual([same, same])
  }
  const found = []
  for await (const pair of db.range({ prefix: 'k' })) found.push([pair.key, pair.value])
  expect(found.sort()).toEqual(LENGTHS.map((length) => [`k${length}`, value(length)]).sort())
  const before = (await db.put('other', '')).revision
  for (const length of LENGTHS) await db.put(`k${length}`, 'small')
  await using watch = db.watch({ prefix: 'k', fromRevision: before + 1, previous: true })
  const previous = []
  for await (const event of watch) {
    previous.push(event.previous?.value)
    if (previous.length === LENGTHS.length) break
  }
  expect(previous).toEqual(LENGTHS.map((length) => value(length)))
  expect(await db.get('k100000', { revision: before })).toBe(value(100_000))
})
