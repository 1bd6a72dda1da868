// Goal: a leader whose disk is full hands over to a member that has room, and the cluster goes on; as a follower it takes no entries,
// and its vote still makes a leader; when there is room again it catches up. On a small file system of its own, as root on Linux.
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { Child, endChildren } from './child.js'
import { Cluster, until } from './cluster.js'
import { scratch } from './places.js'
import { plan } from './plan.js'

const MIB = 1 << 20
const LANES = plan(1, { lanes: 4, operations: 30, valueBytes: 8 << 10 })
const place = scratch('full-member')
const path = join(place.path, 'a')
mkdirSync(path, { recursive: true })
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=240m', 'tmpfs', path]).status === 0

afterEach(endChildren)
afterAll(() => {
  if (mounted) execFileSync('umount', [path])
  place.remove()
})

const ballast = join(path, 'ballast')

/** Takes room until so many bytes are left: less than half of what a member keeps free on such a disk. */
function fill(left: number): void {
  const file = openSync(ballast, 'w')
  const piece = Buffer.alloc(MIB / 2)
  const free = () => {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }
  while (free() > left) writeSync(file, piece)
  fsyncSync(file)
  closeSync(file)
}

test.runIf(mounted)('the disk of a leader is full, those of the others are not', { timeout: 120_000 }, async () => {
  const cluster = await Cluster.start(place.path, { memory: 32 * MIB, requestTimeout: 30_000 })
  const first = await cluster.leader()
  await cluster.settled()
  if (first !== 'a') await cluster.child(first).ask('transfer', { to: 'a' })
  expect(await cluster.leader()).toBe('a')
  const client = new Child()
  await client.ask('connect', { endpoints: cluster.endpoints, requestTimeout: 30_000 })
  await client.ask('put', { key: 'before', value: '1' })
  fill(3 * MIB)
  const leader = await until('another leader', async () => {
    const now = await cluster.leader()
    return now === 'a' ? null : now
  })
  expect(await client.run(LANES)).toEqual([])
  const said = await cluster.child('a').said()
  expect(said.notes.filter((note) => note.includes('no room for writes'))).toHaveLength(1)
  expect(said.fatals).toEqual([])
  // Two are left, and one of them has no room: its vote counts, and it reads what it has.
  await cluster.kill(leader)
  const last = leader === 'b' ? 'c' : 'b'
  expect(await cluster.leader(['a', last])).toBe(last)
  expect((await cluster.child('a').dump({ consistency: 'serializable' })).map(([key]) => key)).toContain('before')
  rmSync(ballast)
  await client.ask('put', { key: 'after', value: '1' })
  await cluster.startMember(leader)
  const all = await cluster.settled()
  expect(new Set(all.map((member) => member.stateHash)).size, JSON.stringify(all)).toBe(1)
  expect((await cluster.child('a').said()).fatals).toEqual([])
})
