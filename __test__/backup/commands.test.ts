// The commands of the README's section "Backup" do what it says, in this order.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { open, type Pair } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shell } from '../server/shell.js'
import { embedded, scratch } from './sources.js'

const { dir, remove } = scratch('backup-commands')
const home = process.cwd()
const section = readFileSync('README.md', 'utf8').split('### Backup\n')[1]?.split('\n```\n')[0] ?? ''
const lines = [...section.matchAll(/^rafterdb ([^#\n]+?)\s*(?:#.*)?$/gm)].map(([, line = '']) => line.split(' '))

beforeAll(() => process.chdir(dir))
afterAll(() => {
  process.chdir(home)
  remove()
})

test('they make backups, verify them, and restore a member', async () => {
  expect(lines.map(([command]) => command)).toEqual(['backup', 'backup', 'backup', 'verify', 'restore'])
  const db = await embedded(dir, 'source')
  await db.put('a', '1')
  // A command closes what it was given.
  const kept = Object.assign(Object.create(db), { close: async () => {} })
  const stop = new AbortController()
  const out: string[] = []
  for (const line of lines) {
    const isFollowing = line.includes('--follow')
    await db.put('b', `${out.length}`)
    if (isFollowing) setTimeout(() => stop.abort(), 500)
    const { code, out: printed, err } = await shell(line, { db: kept, ...(isFollowing ? { stop: stop.signal } : {}) })
    expect([line, code, err]).toEqual([line, 0, ''])
    out.push(printed)
  }
  expect(out[0]).toMatch(/^full backup to revision 3: 2 keys, [\d,]+ bytes\n$/)
  expect(out[1]).toMatch(/^incremental backup to revision 4: 1 change, [\d,]+ bytes\n$/)
  expect(out[2]).toMatch(/^incremental backup to revision 5: 1 change, [\d,]+ bytes\n$/)
  expect(out[3]!.trim().split('\n')).toHaveLength(4)
  expect(out[4]).toMatch(/^new\/a has the state of revision 5 \(2 keys and 2 changes read\); revisions go on from 1000000005\n$/)
  await db.close()
})

test('a file and standard output take one backup each, with a key or without', async () => {
  const db = await embedded(dir, 'other')
  await db.put('a', '1')
  const kept = Object.assign(Object.create(db), { close: async () => {} })
  const { writeFileSync } = await import('node:fs')
  writeFileSync('key', `${'ab'.repeat(32)}\n`)
  writeFileSync('short', 'ab')
  const key = ['--key-file', 'key']
  expect(await shell(['backup', '--out', 'one.backup', ...key], { db: kept })).toMatchObject({ code: 0 })
  await db.put('a', '2')
  expect(await shell(['backup', '--out', 'two.backup', '--since', 'one.backup', ...key], { db: kept })).toMatchObject({ code: 0 })
  expect(await shell(['verify', 'one.backup', 'two.backup'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('BACKUP_KEY_WRONG'),
  })
  expect(await shell(['verify', 'two.backup', ...key])).toMatchObject({ code: 0 })
  expect(await shell(['verify', 'two.backup', '--key-file', 'short'])).toMatchObject({ code: 2 })
  expect(await shell(['backup', '--out', '-'], { db: kept })).toMatchObject({
    code: 0,
    err: expect.stringContaining('full backup'),
  })
  expect(await shell(['backup', 'x', '--out', 'y'], { db: kept })).toMatchObject({ code: 2 })
  expect(await shell(['restore', 'one.backup', 'two.backup', '--data-dir', 'two', ...key])).toMatchObject({ code: 0 })
  const restored = await open({ dataDir: join(dir, 'two') })
  const pair = (await restored.getPair('a')) as Pair<'string'>
  expect(pair).toMatchObject({ value: '2', createRevision: 2, modRevision: 3, version: 2 })
  await restored.close()
  await db.close()
})
