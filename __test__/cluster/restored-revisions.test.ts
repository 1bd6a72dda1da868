// Data that is exported from one store and imported into a new one with --bump-revision: what was made from revisions before
// (fencing tokens) stays below what is made from them after, also when the store is closed and opened again.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { shell } from '../server/shell.js'

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-restored-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const embedded = (name: string) => open({ dataDir: join(dir, name) })

async function takeToken(db: Database): Promise<number> {
  return (await db.put('lock', 'held')).revision
}

test('revisions go on above those of the store that the data came from', async () => {
  const old = await embedded('old')
  for (let n = 0; n < 20; n++) await old.put(`key ${n % 5}`, `value ${n}`)
  const oldToken = await takeToken(old)
  const exported = await shell(['export', '--json'], { db: old })
  const { revision } = JSON.parse(exported.err)
  expect(revision).toBe(oldToken)

  const imported = await shell(['import', '-', '--bump-revision', String(revision), '--json'], {
    db: await embedded('new'),
    stdin: exported.out,
  })
  expect(JSON.parse(imported.out)).toMatchObject({ imported: 6, bumpedTo: revision })
  const db = await embedded('new')
  const pairs = []
  for await (const pair of db.range()) pairs.push(pair)
  expect(pairs.map(({ key, value }) => [key, value])).toEqual([
    ...[15, 16, 17, 18, 19].map((n) => [`key ${n % 5}`, `value ${n}`]),
    ['lock', 'held'],
  ])
  for (const { modRevision, createRevision } of pairs) expect(Math.min(modRevision, createRevision)).toBeGreaterThan(oldToken)
  expect(await takeToken(db)).toBe(oldToken + 7)
  expect(await db.get('lock', { revision: oldToken })).toBeNull()
  const watch = db.watch({ fromRevision: 3 })
  const seen: number[] = []
  for await (const event of watch) if (seen.push(event.revision) === 7) break
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => oldToken + n))

  expect(await db.raiseRevision(5)).toEqual({ revision: oldToken + 7 })
  expect(await db.raiseRevision(2 ** 52)).toEqual({ revision: 2 ** 52 })
  expect(await takeToken(db)).toBe(2 ** 52 + 1)
  await db.close()
  const again = await embedded('new')
  expect((await again.status())[0]).toMatchObject({ revision: 2 ** 52 + 1 })
  expect((await again.getPair('lock'))?.modRevision).toBe(2 ** 52 + 1)
  await again.close()
})
