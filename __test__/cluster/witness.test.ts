// Goal: two members with data and a witness go on when any of the three fails, and lose nothing; the witness keeps no data, whatever is written, never
// leads, hands on what it is asked, and says so where it cannot.
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Database } from 'rafterdb'
import { expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { rafterdb } from './command.js'
import { Cluster, eventually, type Kind, Member } from './harness.js'

const MIB = 1 << 20
const OPTIONS = { memory: 32 * MIB, logRetainBytes: 4 * MIB }
/** Bytes that are written before anything fails. */
const WRITTEN = 100 * MIB
const VALUE = 'x'.repeat(MIB / 2)
/** What the witness may take of the disk: segments of its log are made before they are needed. */
const WITNESS_MAX = 40 * MIB

function bytesOf(dir: string): number {
  let bytes = 0
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return bytes
}

/** Starts a member that joins those that run; resolves once it votes. */
async function joins(cluster: Cluster, db: Database, name: string, kind: Kind, more: object = {}): Promise<Member> {
  const [port] = await freePorts(1)
  const endpoint = `127.0.0.1:${port}`
  const at = cluster.members.filter(({ isRunning }) => isRunning).map((member) => member.endpoint)
  const member = new Member(name, kind, endpoint, cluster.dir, { ...OPTIONS, name, listen: endpoint, join: at, ...more })
  cluster.members.push(member)
  await member.start()
  await eventually(`${name} to vote`, async () => {
    const found = (await db.members.list()).find((one) => one.name === name)
    expect(found?.role, member.log).toBe('voter')
  })
  return member
}

/** Writes one key after the other, and remembers what was acknowledged. */
class Writing {
  readonly acknowledged: string[] = []
  longest = 0
  #isOver = false
  readonly #done: Promise<void>

  constructor(db: Database) {
    this.#done = this.#run(db)
    this.#done.catch(() => {})
  }

  async #run(db: Database): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const began = performance.now()
      await db.put(`steady/${i}`, `value ${i}`)
      this.longest = Math.max(this.longest, performance.now() - began)
      this.acknowledged.push(`steady/${i}`)
      await sleep(2)
    }
  }

  /** Resolves once so many more writes are acknowledged. */
  async goesOn(more = 50): Promise<void> {
    const before = this.acknowledged.length
    await eventually('writes to go on', async () => {
      if (this.acknowledged.length < before + more) throw new Error(`${this.acknowledged.length - before} of ${more}`)
    })
  }

  stop(): Promise<void> {
    this.#isOver = true
    return this.#done
  }
}

async function sameState(cluster: Cluster): Promise<void> {
  const statuses = await cluster.settled()
  const hashes = statuses.filter(({ role }) => role !== 'witness').map(({ stateHash }) => stateHash)
  expect(new Set(hashes).size).toBe(1)
  expect(statuses.find(({ name }) => name === 'w')?.role).toBe('witness')
}

test('two with data and a witness', { timeout: 300_000 }, async () => {
  await using cluster = await Cluster.start({ kinds: ['serve'], options: OPTIONS })
  const db = await cluster.client()
  for (let i = 0; i < 20; i++) await db.put(`before/${i}`, VALUE)
  await joins(cluster, db, 'b', 'serve')
  const w = await joins(cluster, db, 'w', 'child', { witness: true })
  const listed = (await db.members.list()).map(({ name, role, isWitness }) => [name, role, isWitness])
  expect(listed.sort()).toEqual([
    ['a', 'voter', false],
    ['b', 'voter', false],
    ['w', 'voter', true],
  ])

  // It keeps nothing of what is written.
  for (let i = 0; i < WRITTEN / VALUE.length; i += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, j) => db.put(`large/${i + j}`, VALUE)))
  }
  await sameState(cluster)
  const sizes = cluster.members.map(({ dataDir }) => Math.round(bytesOf(dataDir) / MIB))
  console.log(`MiB on disk: ${cluster.members.map(({ name }, i) => `${name} ${sizes[i]}`).join(', ')}`)
  expect(sizes[2]).toBeLessThan(WITNESS_MAX / MIB)

  // Through it apps read and write all the same, and hear what they cannot.
  const app = w.running()
  await app.call('put', 'through', 'the witness')
  expect(await app.get('through')).toBe('the witness')
  expect(await app.get('through', { consistency: 'serializable' })).toBe('the witness')
  expect(await app.call('count', { prefix: 'large/' })).toBe(WRITTEN / VALUE.length)
  await expect(app.call('getSync', 'through')).rejects.toMatchObject({ code: 'MEMBER_IS_WITNESS' })
  await expect(db.transferLeader('w')).rejects.toMatchObject({ code: 'MEMBER_IS_WITNESS' })
  await expect(db.members.remove('b')).resolves.toBeDefined()
  await expect(db.members.remove('a')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: /witness/ })
  const b = cluster.members.find(({ name }) => name === 'b') as Member
  await b.gone()
  rmSync(b.dataDir, { recursive: true })
  await b.start()
  await eventually('b to vote again', async () => {
    expect((await db.members.list()).filter(({ role }) => role === 'voter')).toHaveLength(3)
  })

  const writing = new Writing(db)
  await writing.goesOn()
  const leader = await cluster.leader()
  const other = cluster.members.find((member) => member !== leader && member !== w) as Member
  await other.kill()
  await writing.goesOn()
  await other.start()
  await sameStateWhileWriting(cluster, db)
  // The other one leads, and not the witness.
  await leader.kill()
  await writing.goesOn()
  const now = (await db.status()).find(({ role }) => role === 'leader')
  expect(now?.name).toBe(other.name)
  await leader.start()
  await sameStateWhileWriting(cluster, db)
  await w.kill()
  await writing.goesOn()
  await w.start()
  await sameStateWhileWriting(cluster, db)

  // Its directory is lost: another one takes its place, under its name.
  await w.kill()
  rmSync(w.dataDir, { recursive: true })
  await db.members.remove('w')
  await w.start()
  await eventually('w to vote again', async () => {
    expect((await db.members.list()).find(({ name }) => name === 'w')).toMatchObject({ role: 'voter', isWitness: true })
  })
  await other.kill()
  await writing.goesOn()
  await other.start()
  await writing.stop()
  await sameState(cluster)
  expect(await db.count({ prefix: 'steady/' })).toBe(writing.acknowledged.length)
  console.log(`${writing.acknowledged.length} writes, the longest ${Math.round(writing.longest)} ms`)

  // What it has brings nobody back.
  await w.kill()
  const forced = await rafterdb(['recover', '--data-dir', w.dataDir, '--force-new-cluster'])
  expect(forced).toMatchObject({ code: 1, err: expect.stringMatching(/MEMBER_IS_WITNESS/) })
})

/** Each member with data has caught up: whoever dies next, another one can lead. */
async function sameStateWhileWriting(cluster: Cluster, db: Database): Promise<void> {
  await eventually('all to keep up', async () => {
    const statuses = await db.status()
    const { committed = 0 } = statuses.find(({ role }) => role === 'leader') ?? {}
    const behind = statuses.filter(({ role, applied }) => role === 'unreachable' || applied < committed - 20)
    if (committed === 0 || behind.length > 0 || statuses.length < cluster.members.length) throw new Error(JSON.stringify(behind))
  })
  // As long as the leader takes to see it.
  await sleep(1_500)
}

test('a directory with data is no witness, nor the other way round', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ kinds: ['serve'], options: OPTIONS })
  const db = await cluster.client()
  const b = await joins(cluster, db, 'b', 'serve')
  const w = await joins(cluster, db, 'w', 'serve', { witness: true })
  const starts = (member: Member, name: string, more: string[]) =>
    rafterdb([
      ...['serve', '--data-dir', member.dataDir, '--name', name, '--listen', member.endpoint],
      ...['--join', cluster.members[0]?.endpoint ?? '', ...more],
    ])
  await b.stop()
  expect(await starts(b, 'b', ['--witness'])).toMatchObject({ err: expect.stringMatching(/is of a member with data/) })
  await b.start()
  // Its directory says what it is.
  await w.stop()
  const again = new Member('w', 'serve', w.endpoint, cluster.dir, { ...w.options, witness: undefined } as object)
  Object.assign(again.options, { witness: false })
  await again.start()
  cluster.members.splice(cluster.members.indexOf(w), 1, again)
  await eventually('it to be there', async () => {
    expect((await db.status()).find(({ name }) => name === 'w')?.role).toBe('witness')
  })
  // Whoever was added as one is not taken in as the other.
  const [port] = await freePorts(1)
  await db.members.add({ name: 'c', endpoint: `127.0.0.1:${port}`, witness: true })
  const wrong = await rafterdb([
    ...['serve', '--data-dir', join(cluster.dir, 'c'), '--name', 'c', '--listen', `127.0.0.1:${port}`],
    ...['--join', cluster.members[0]?.endpoint ?? ''],
  ])
  expect(wrong).toMatchObject({ err: expect.stringMatching(/c is a witness, and stays that/) })
  const remote = await connect({ endpoints: [again.endpoint] })
  await remote.put('by way of it', 'x')
  expect(await remote.get('by way of it')).toBe('x')
  await remote.close()
})
