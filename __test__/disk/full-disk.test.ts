// Goal: a member whose disk is full refuses writes with DISK_FULL, serves reads and goes on by itself when there is room; nothing
// acknowledged is lost. What needs room waits for it: segments of log and history, flushes. On small file systems of their own where they can be mounted (as
// root on Linux), otherwise with the error injected; the injected error is tested everywhere.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenOptions } from 'rafterdb'
import { afterAll, afterEach, expect, test } from 'vitest'
import { Child, type ChildError, endChildren } from './child.js'
import { acknowledgedOf, readLedger } from './ledger.js'
import { scratch } from './places.js'
import { type Lanes, plan } from './plan.js'
import { Verifier } from './recover.js'

const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const MIB = 1 << 20
const options: Omit<OpenOptions, 'dataDir'> = { memory: 32 * MIB, requestTimeout: 60_000 }
const LANES: Lanes = plan(SEED, { lanes: 8, operations: 250, valueBytes: 48 << 10 })

const place = scratch('full')
const mounted: string[] = []

afterEach(async () => {
  await endChildren()
  for (const path of mounted.splice(0)) execFileSync('umount', [path])
})
afterAll(() => place.remove())

/** A file system of so many MiB at `path`; whether that is possible here. */
function mount(path: string, mib: number): boolean {
  mkdirSync(path, { recursive: true })
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', path]).status === 0
  if (done) mounted.push(path)
  return done
}

const makeRoom = (path: string) => execFileSync('mount', ['-o', 'remount,size=512m', path])

/** How often the member has said that it refuses writes. */
const saysNoRoom = async (child: Child) => (await child.said()).notes.filter((note) => note.includes('no room for writes')).length

/** Writes until writes are refused: the member goes on, reads, and takes writes again by itself once there is room. */
async function fill(name: string, faults: string, room: () => void): Promise<void> {
  const dataDir = join(place.path, name)
  const ledgerPath = join(place.path, `${name}.ledger`)
  const child = new Child(faults)
  await child.ask('ledger', { path: ledgerPath })
  await child.open({ ...options, dataDir })
  const running = child.run(LANES)
  if (faults === '') {
    // What has met the shortage in the log itself waits: only what comes later is refused.
    await expect.poll(() => saysNoRoom(child), { timeout: 20_000 }).toBe(1)
    const refused = await child.ask('put', { key: 'later', value: 'x' }).catch((error: ChildError) => error)
    expect((refused as ChildError).code).toBe('DISK_FULL')
    expect(await child.ask('get', { key: 'later' })).toBe(null)
    const [status] = await child.status()
    expect(status?.role).toBe('leader')
    expect(await saysNoRoom(child)).toBe(1)
  }
  room()
  for (const failure of await running) expect(failure.code, failure.message).toBe('DISK_FULL')
  expect((await child.said()).fatals).toEqual([])
  await expect
    .poll(
      () =>
        child.ask('put', { key: 'after', value: 'x' }).then(
          () => 'done',
          (error: ChildError) => error.code,
        ),
      { timeout: 20_000 },
    )
    .toBe('done')
  const said = await child.said()
  if (faults === '') expect(said.notes.join('\n')).toContain('there is room on the disk again')
  await child.ask('delete', { key: 'after' })
  await child.end()
  expect(acknowledgedOf(readLedger(ledgerPath))).toBeGreaterThan(10)
  const verifier = new Verifier()
  expect(await verifier.complaints({ ...options, dataDir }, LANES, ledgerPath), `seed ${SEED}`).toEqual([])
  await verifier.end()
}

const INJECTED: [string, string][] = [
  ['log', 'wal.write=full@60'],
  ['log-half', 'wal.write.half=full@40'],
  ['log-segment', 'wal.segment.create=full@2'],
  ['log-fill', 'wal.segment.fill=full@2'],
  ['history', 'store.history.write=full@9'],
  ['history-segment', 'store.history.seal=full@1'],
  ['history-file', 'store.history.create=full@1'],
  ['tables', 'store.flush.tables=full@2'],
]

test.for(INJECTED)('an injected full disk: %s (%s)', async ([name, faults]) => {
  await fill(name, faults, () => null)
})

test('a full file system under the whole member', async () => {
  const path = join(place.path, 'all')
  if (mount(path, 60)) await fill('all', '', () => makeRoom(path))
  else await fill('all', 'wal.write=full@90', () => null)
})

test('a full file system under the store alone', async () => {
  const path = join(place.path, 'store', 'groups')
  // The identity comes first: a store without it would be someone else's.
  const first = new Child()
  await first.open({ ...options, dataDir: join(place.path, 'store') })
  await first.end()
  const saved = join(place.path, 'groups-saved')
  execFileSync('cp', ['-r', path, saved])
  const isMounted = mount(path, 20)
  if (isMounted) execFileSync('cp', ['-r', `${saved}/.`, path])
  if (isMounted) await fill('store', '', () => makeRoom(path))
  else await fill('store', 'store.history.write=full@20', () => null)
})
