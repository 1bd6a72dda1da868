// Goal: a store keeps to the directory that it was opened in: whatever the process makes its working directory afterwards, and
// whatever comes to stand under the directory's name.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isAbsolute, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Database, open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { platformName } from '../../src/native/platform.js'
import { Child } from './child.js'

const BINARY = fileURLToPath(new URL(`../../build/rafterdb.${platformName()}.node`, import.meta.url))
const MIB = 1 << 20
/** So many values of 1 MiB that the log goes on in other segments, and memtables become tables. */
const VALUES = 48
const options = { memory: 32 * MIB, logRetainBytes: 0, requestTimeout: 60_000 }
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-moved-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const value = (name: string, i: number) => `${name} ${i} `.padEnd(MIB, `${name}${i}`)

async function fill(child: Child, name: string): Promise<void> {
  for (let i = 0; i < VALUES; i++) await child.call('put', `${name}/${i}`, value(name, i))
}

async function expectFilled(dataDir: string, name: string): Promise<void> {
  await using db: Database = await open({ ...options, dataDir })
  expect(await db.count()).toBe(VALUES)
  for (let i = 0; i < VALUES; i++) expect((await db.get(`${name}/${i}`)) === value(name, i), `${name}/${i}`).toBe(true)
}

function place(name: string): string {
  const path = join(dir, name)
  mkdirSync(path)
  return path
}

test('a relative dataDir stays where it was when the process changes its directory', { timeout: 120_000 }, async () => {
  const [here, there] = [place('here'), place('there')]
  const child = new Child()
  await child.ask('chdir', here)
  await child.ask('open', { ...options, dataDir: 'data' })
  await child.ask('chdir', there)
  await fill(child, 'kept')
  await child.ask('close')
  child.release()
  expect(readdirSync(there)).toEqual([])
  await expectFilled(join(here, 'data'), 'kept')
})

test('a relative RAFTERDB_NATIVE is the same binary for all threads', { timeout: 120_000 }, async () => {
  const elsewhere = place('elsewhere')
  const binary = relative(process.cwd(), BINARY)
  expect(isAbsolute(binary)).toBe(false)
  const child = new Child({ RAFTERDB_NATIVE: binary })
  await child.ask('chdir', elsewhere)
  await child.ask('open', { ...options, dataDir: join(elsewhere, 'data') })
  await child.call('put', 'led', 'by its worker')
  expect(await child.get('led')).toBe('by its worker')
  await child.ask('close')
  child.release()
})

test('two stores under one relative name leave each other alone', { timeout: 120_000 }, async () => {
  const [here, there] = [place('one'), place('two')]
  const [one, two] = [new Child(), new Child()]
  for (const [child, path] of [[one, here] as const, [two, there] as const]) {
    await child.ask('chdir', path)
    await child.ask('open', { ...options, dataDir: './data' })
  }
  await one.ask('chdir', there)
  await Promise.all([fill(one, 'one'), fill(two, 'two')])
  for (const child of [one, two]) {
    await child.ask('close')
    child.release()
  }
  await expectFilled(join(here, 'data'), 'one')
  await expectFilled(join(there, 'data'), 'two')
})

test('a directory that is renamed while it is open, and another under its name', { timeout: 120_000 }, async () => {
  const [before, after] = [place('before'), join(dir, 'after')]
  const child = new Child()
  await child.ask('open', { ...options, dataDir: join(before, 'data') })
  renameSync(before, after)
  mkdirSync(join(before, 'data', 'log'), { recursive: true })
  const filled = await fill(child, 'kept').then(
    () => 'filled',
    (error: { code: string }) => error.code,
  )
  expect(readdirSync(join(before, 'data', 'log'))).toEqual([])
  expect(readdirSync(join(before, 'data'))).toEqual(['log'])
  // Where a directory has nothing but its name, the member stops.
  expect(filled).toBe(process.platform === 'linux' ? 'filled' : 'POISONED')
  await child.ask('close')
  child.release()
  if (filled === 'filled') await expectFilled(join(after, 'data'), 'kept')
  expect(existsSync(join(before, 'data', 'member.json'))).toBe(false)
})
