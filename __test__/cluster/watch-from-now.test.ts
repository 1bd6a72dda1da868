// Goal: a watch from now on reports nothing that was written before the call, whatever its member has applied by then.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, open, type Watch } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { Child } from './child.js'

const JOBS = 5
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-from-now-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function putJobs(db: Pick<Database, 'put'> | Child): Promise<void> {
  for (let i = 0; i < JOBS; i++) {
    if (db instanceof Child) await db.call('put', `job/${i}`, 'old')
    else await db.put(`job/${i}`, 'old')
  }
}

/** The keys up to the one that was written after the call. */
async function keysOf(watch: Watch): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of watch) {
    keys.push(key)
    if (key === 'job/new') break
  }
  return keys
}

test('a store that was killed delivers no job of before the call', { timeout: 60_000 }, async () => {
  const dataDir = join(dir, 'alone')
  const child = new Child()
  await child.ask('open', { dataDir })
  await putJobs(child)
  child.signal('SIGKILL')
  await child.gone
  await using db = await open({ dataDir })
  // At once: nothing is applied again yet, and there is no leader.
  const watch = db.watch({ prefix: 'job/' })
  await db.put('job/new', 'new')
  expect(await keysOf(watch)).toEqual(['job/new'])
})

test('a follower that was away delivers no job of before the call', { timeout: 60_000 }, async () => {
  const names = ['a', 'b', 'c']
  const ports = await freePorts(names.length)
  const members = Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`]))
  const start = (name: string) => open({ name, members, dataDir: join(dir, name), requestTimeout: 30_000 })
  const [a, b, away] = (await Promise.all(names.map(start))) as [Database, Database, Database]
  try {
    await away.put('first', 'all are there')
    await away.close()
    await putJobs(a)
    await using again = await start('c')
    const watch = again.watch({ prefix: 'job/' })
    await again.put('job/new', 'new')
    expect(await keysOf(watch)).toEqual(['job/new'])
  } finally {
    await Promise.all([a.close(), b.close()])
  }
})
