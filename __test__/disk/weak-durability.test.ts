// Goal: with `durability` interval or os a member knows at its next start whether what it had not synced can be gone: not after a
// clean close, not if only its process died; yes after another start of the machine, in whatever mode, and after a failed sync.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { Child, endChildren } from './child.js'
import { Cluster, until } from './cluster.js'
import { scratch } from './places.js'

const MIB = 1 << 20
const options = { memory: 32 * MIB, requestTimeout: 60_000 }
/** Another start of the machine than that in which the member wrote. */
const STARTED_ANEW = 'member.boot=error'
const VOTES_LATER = /started anew.*this member votes once the others have told/
const place = scratch('weak')

afterEach(endChildren)
afterAll(() => place.remove())

interface Identity {
  recovering: number[]
  unsynced: string | null
}

const identity = (dataDir: string) => JSON.parse(readFileSync(join(dataDir, 'member.json'), 'utf8')) as Identity

test.for(['interval', 'os'] as const)('a single member with %s is told what it may have lost', async (durability) => {
  const dataDir = join(place.path, `single-${durability}`)
  const life = async (faults: string) => {
    const child = new Child(faults)
    const { notes } = await child.open({ ...options, durability, dataDir })
    // Who leads may be told by the time that open returns.
    return { child, notes: notes.filter((note) => !note.includes('leads in term')).join('\n') }
  }
  const first = await life('')
  expect(first.notes).toBe('')
  expect(identity(dataDir).unsynced).toMatch(/^[0-9a-f-]{36}$/)
  await first.child.ask('put', { key: 'key', value: 'value' })
  await first.child.kill()
  const second = await life('')
  expect(second.notes).toMatch(/did not close.*nothing that was acknowledged is lost/)
  expect(await second.child.ask('get', { key: 'key' })).toBe('value')
  await second.child.kill()
  const third = await life(STARTED_ANEW)
  expect(third.notes).toMatch(/WARNING.*may be lost/)
  await third.child.end()
  expect(identity(dataDir).unsynced).toBeNull()
  const fourth = await life(STARTED_ANEW)
  expect(fourth.notes, 'after a clean close').toBe('')
  await fourth.child.end()
})

/** How a member of three comes back: what it did before, how it starts, whether it must ask the others. */
const RETURNS: [string, { kill: boolean; faults: string; durability: 'interval' | 'always' }, boolean][] = [
  ['after its process was killed', { kill: true, faults: '', durability: 'interval' }, false],
  ['after its machine went down', { kill: true, faults: STARTED_ANEW, durability: 'interval' }, true],
  ['after its machine went down, with always from now on', { kill: true, faults: STARTED_ANEW, durability: 'always' }, true],
  ['after a clean close and a new start of the machine', { kill: false, faults: STARTED_ANEW, durability: 'interval' }, false],
]

test('a member of three', { timeout: 240_000 }, async () => {
  const cluster = await Cluster.start(join(place.path, 'three'), { ...options, durability: 'interval' })
  await cluster.leader()
  for (const [label, { kill, faults, durability }, asks] of RETURNS) {
    await cluster.settled()
    const dataDir = cluster.dataDir('c')
    await until('c to be whole', async () => (identity(dataDir).recovering.length === 0 ? true : null))
    if (kill) await cluster.kill('c')
    else {
      await cluster.child('c').end()
      cluster.children.delete('c')
    }
    await cluster.startMember('c', faults, { durability })
    const notes = (await cluster.child('c').said()).notes.join('\n')
    if (asks) expect(notes, label).toMatch(VOTES_LATER)
    else expect(notes, label).not.toMatch(VOTES_LATER)
    await cluster.settled()
    await until('c to be whole again', async () => (identity(dataDir).recovering.length === 0 ? true : null))
    expect(identity(dataDir).unsynced === null, label).toBe(durability === 'always')
    // Back to the weaker mode.
    if (durability === 'always') {
      await cluster.kill('c')
      await cluster.startMember('c')
    }
  }
})

test('a member of three whose sync failed asks the others, though the machine goes on', { timeout: 240_000 }, async () => {
  const cluster = await Cluster.start(join(place.path, 'failed'), { ...options, durability: 'interval' })
  await cluster.leader()
  await cluster.settled()
  await cluster.kill('c')
  const child = await cluster.startMember('c', 'wal.sync=error@3+')
  const writer = cluster.child(await cluster.leader(['a', 'b']))
  await until('c to stop', async () => {
    await writer.ask('put', { key: 'key', value: 'value' })
    return (await child.said()).fatals.length > 0 ? true : null
  })
  expect(identity(cluster.dataDir('c')).unsynced).toBe('unknown')
  await cluster.kill('c')
  await cluster.startMember('c')
  expect((await cluster.child('c').said()).notes.join('\n')).toMatch(VOTES_LATER)
  await cluster.settled()
})
