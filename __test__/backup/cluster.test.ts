// A backup of a cluster whose leader dies meanwhile, of which a new cluster of three begins; and what is left when a process is killed.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Backup, open, restoreBackup, verifyBackup } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { CLI, Cluster, eventually } from '../cluster/harness.js'
import { freePorts } from '../ports.js'
import { Load, Model, rows, scratch } from './sources.js'

const { dir, remove } = scratch('backup-cluster')
const backups = join(dir, 'backups')
afterAll(remove)

test('a cluster is backed up while its leader is killed, and three new members begin with what it had', async () => {
  await using cluster = await Cluster.start()
  const db = await cluster.client()
  const model = new Model(db)
  await Promise.all(Array.from({ length: 1_000 }, (_, n) => db.put(`fixed/${n}`, Buffer.alloc(100, n))))
  const load = new Load(db, 4)
  await db.backup(backups)
  const stop = new AbortController()
  const made: Backup[] = []
  const following = db.backup(backups, {
    follow: true,
    interval: 200,
    signal: stop.signal,
    onBackup: (backup) => made.push(backup),
  })
  await eventually('a backup that follows', async () => expect(made.length).toBeGreaterThan(0))
  await (await cluster.leader()).kill()
  const goal = load.writes + 200
  await eventually('writes under another leader', async () => expect(load.writes).toBeGreaterThan(goal))
  await load.stop()
  const { revision: last } = await db.put('last', 'of all')
  await eventually('a backup of the last write', async () => expect(made.at(-1)!.revision).toBeGreaterThanOrEqual(last))
  stop.abort()
  expect((await following).revision).toBe(made.at(-1)!.revision)
  const wanted = await model.at(last)
  await model.close()
  expect((await verifyBackup(backups)).at(-1)!.revision).toBe(last)

  const ports = await freePorts(3)
  const members = Object.fromEntries(['a', 'b', 'c'].map((name, i) => [name, `127.0.0.1:${ports[i]}`]))
  const dirs = Object.keys(members).map((name) => ({ name, dataDir: join(dir, name), members }))
  for (const options of dirs) expect(await restoreBackup(backups, options)).toMatchObject({ restoredRevision: last })
  const [first, ...others] = await Promise.all(dirs.map((options) => open({ ...options, requestTimeout: 30_000 })))
  expect(await rows(first!)).toEqual(wanted)
  for (const other of others) expect(await rows(other)).toEqual(wanted)
  const { revision } = await others[0]!.put('new', 'cluster')
  expect(revision).toBe(last + 1_000_000_001)
  const statuses = await eventually('all at one index', async () => {
    const found = await first!.status()
    expect(new Set(found.map(({ applied }) => applied)).size).toBe(1)
    return found
  })
  expect(new Set(statuses.map(({ stateHash }) => stateHash)).size).toBe(1)
  expect(new Set(statuses.map(({ cluster: identity }) => identity)).size).toBe(1)
  await Promise.all([first!, ...others].map((member) => member.close()))
})

test('a backup that is killed leaves none, and the next one goes on with what there was', async () => {
  await using cluster = await Cluster.start({ kinds: ['serve'] })
  const db = await cluster.client()
  const directory = join(dir, 'killed')
  await db.put('before', 'it')
  await db.backup(directory)
  const child = spawn(process.execPath, [
    CLI,
    'backup',
    directory,
    '--follow',
    '--interval',
    '10m',
    '--endpoints',
    cluster.endpoints.join(),
  ])
  const gone = new Promise((resolve) => child.once('exit', resolve))
  await eventually('a backup that is being written', async () => {
    await db.put('change', `${Date.now()}`)
    expect(readdirSync(directory).some((name) => name.endsWith('.unfinished'))).toBe(true)
  })
  child.kill('SIGKILL')
  await gone
  expect(await verifyBackup(directory)).toHaveLength(1)
  // What it had come to is refused wherever it is given as a backup.
  const unfinished = readdirSync(directory).find((name) => name.endsWith('.unfinished')) as string
  await expect(verifyBackup(join(directory, unfinished))).rejects.toMatchObject({ code: 'BACKUP_TRUNCATED' })
  const { revision } = await db.put('after', 'it')
  expect(await db.backup(directory)).toMatchObject({ kind: 'incremental', revision })
  expect(await verifyBackup(directory)).toHaveLength(2)
})
