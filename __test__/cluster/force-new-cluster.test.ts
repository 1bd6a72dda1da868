// Goal: with two of three members gone for good, the third goes on alone with all that it had, two new ones join it, and what comes back of
// the cluster that was is told what to do, and disturbs nobody.
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type Database } from 'rafterdb'
import { expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { rafterdb } from './command.js'
import { Cluster, eventually, Member } from './harness.js'

const OPTIONS = { memory: 32 << 20 }
const WRITES = 200
/** Of writes that a leader takes and nobody else has. */
const TAKEN = 20

const identityOf = (member: Member) => readFileSync(join(member.dataDir, 'member.json'), 'utf8')

/** A leader with writes that everybody has, and with some that it alone has; then all are down. */
async function lostMajority(cluster: Cluster): Promise<{ left: Member; others: Member[] }> {
  const client = await cluster.client()
  for (let i = 0; i < WRITES; i++) await client.put(`key/${i}`, `value ${i}`)
  const left = await cluster.leader()
  const others = cluster.members.filter((member) => member !== left)
  for (const other of others) other.signal('SIGSTOP')
  const taken = Array.from({ length: TAKEN }, (_, i) =>
    client.put(`taken/${i}`, `value ${i}`, { timeout: 400 }).catch(() => null),
  )
  await Promise.all(taken)
  const running = await rafterdb(['recover', '--data-dir', left.dataDir, '--force-new-cluster'])
  expect(running).toMatchObject({ code: 1, err: expect.stringMatching(/DATA_DIR_LOCKED/) })
  await Promise.all(cluster.members.map((member) => member.kill()))
  return { left, others }
}

/** All that was acknowledged before, and what the leader had taken. */
async function holdsAll(db: Database): Promise<void> {
  const keys = Array.from({ length: WRITES }, (_, i) => db.get(`key/${i}`))
  expect(await Promise.all(keys)).toEqual(Array.from({ length: WRITES }, (_, i) => `value ${i}`))
  const taken = Array.from({ length: TAKEN }, (_, i) => db.get(`taken/${i}`))
  expect(await Promise.all(taken)).toEqual(Array.from({ length: TAKEN }, (_, i) => `value ${i}`))
}

async function joins(cluster: Cluster, db: Database, name: string, at: readonly Member[]): Promise<Member> {
  const [port] = await freePorts(1)
  const endpoint = `127.0.0.1:${port}`
  const member = new Member(name, 'serve', endpoint, cluster.dir, {
    ...OPTIONS,
    name,
    listen: endpoint,
    join: at.map((other) => other.endpoint),
  })
  await member.start()
  await eventually(`${name} to vote`, async () => {
    const found = (await db.members.list()).find((one) => one.name === name)
    expect(found?.role, member.log).toBe('voter')
  })
  return member
}

test('the third of three goes on, two join it, and what was is refused', { timeout: 240_000 }, async () => {
  await using cluster = await Cluster.start({ options: OPTIONS })
  const { left, others } = await lostMajority(cluster)
  const [old, gone] = others as [Member, Member]
  rmSync(gone.dataDir, { recursive: true })
  const before = identityOf(left)
  const looked = await rafterdb(['recover', '--data-dir', left.dataDir])
  expect(looked.code, looked.err).toBe(0)
  expect(looked.out).toMatch(new RegExp(`^${left.name}: last index \\d+, last term \\d+, revision \\d+, cluster [0-9a-f]+\n$`))
  expect(looked.err).toMatch(/nothing was changed/)
  expect(identityOf(left)).toBe(before)

  const forced = await rafterdb(['recover', '--data-dir', left.dataDir, '--force-new-cluster', '--json'])
  expect(forced.code, forced.err).toBe(0)
  const report = JSON.parse(forced.out)
  expect(report).toMatchObject({ name: left.name, others: others.map(({ name }) => name).sort(), mayLack: false })
  expect(report.uncommitted).toBeGreaterThanOrEqual(TAKEN)
  expect(report.revision).toBeGreaterThan(1_000_000_000)
  expect(report.cluster).not.toBe(report.formerCluster)
  expect(forced.err).toMatch(new RegExp(`WARNING: ${left.name} goes on alone. What only others had is lost`))
  expect(forced.err).toMatch(/needs an empty data directory and `serve --join`/)
  const again = await rafterdb(['recover', '--data-dir', left.dataDir, '--force-new-cluster'])
  expect(again).toMatchObject({ code: 1, err: expect.stringMatching(/is the only voter of its cluster already/) })

  // With the command line that it always had.
  await left.start()
  await using db = await eventually('it to answer', () => connect({ endpoints: [left.endpoint], requestTimeout: 60_000 }))
  const { revision } = await db.put('after', 'kept')
  expect(revision).toBe(report.revision + 1)
  await holdsAll(db)
  expect((await db.members.list()).map(({ name, role }) => `${name} ${role}`)).toEqual([`${left.name} voter`])
  expect(left.log).toMatch(/began anew at entry \d+ with one member/)

  const [first, second] = [await joins(cluster, db, 'x', [left]), await joins(cluster, db, 'y', [left])]
  const now = [left, first, second]
  const leaderOf = async () => (await db.status()).find(({ role }) => role === 'leader')
  const term = (await leaderOf())?.term
  await comesBack(old, term, leaderOf)
  await isRefusedToJoin(cluster, old, now)
  expect((await leaderOf())?.term, 'nobody has campaigned').toBe(term)

  const statuses = await db.status()
  const former = [{ cluster: report.formerCluster, index: expect.any(Number) }]
  for (const status of statuses) expect(status).toMatchObject({ cluster: report.cluster, formerClusters: former })
  const list = await rafterdb(['member', 'list', '--endpoints', second.endpoint])
  expect(list.out).toMatch(
    new RegExp(`began anew at entry \\d+ with one member, as the majority of cluster ${report.formerCluster} was lost`),
  )

  // Its directory emptied, under its old name.
  rmSync(old.dataDir, { recursive: true })
  const emptied = await joins(cluster, db, old.name, now)
  await left.kill()
  await using last = await connect({
    endpoints: [first, second, emptied].map(({ endpoint }) => endpoint),
    requestTimeout: 60_000,
  })
  await last.put('last', 'kept')
  await holdsAll(last)
  expect([await last.get('after'), await last.get('last')]).toEqual(['kept', 'kept'])
  await Promise.all([first, second, emptied].map((member) => member.kill()))
  await isLostAgain(emptied)
})

/** Once more, with a member that joined: under its number and its name, and with the command line that it joined with. */
async function isLostAgain(left: Member): Promise<void> {
  const forced = await rafterdb(['recover', '--data-dir', left.dataDir, '--force-new-cluster', '--json'])
  expect(forced.code, forced.err).toBe(0)
  await left.start()
  await using db = await eventually('it to answer', () => connect({ endpoints: [left.endpoint], requestTimeout: 60_000 }))
  expect((await db.put('again', 'kept')).revision).toBeGreaterThan(2_000_000_000)
  await holdsAll(db)
  expect(await db.get('last')).toBe('kept')
  const [status] = await db.status()
  expect(status?.cluster).toBe(JSON.parse(forced.out).cluster)
  expect(status?.formerClusters).toHaveLength(2)
  expect((await db.members.list()).map(({ name, role }) => `${name} ${role}`)).toEqual([`${left.name} voter`])
  await left.kill()
}

/** With its directory and its old command line. */
async function comesBack(
  old: Member,
  term: number | undefined,
  leaderOf: () => Promise<{ term: number } | undefined>,
): Promise<void> {
  const { length } = old.log
  await old.start()
  await eventually('it to be told', async () => {
    expect(old.log.slice(length)).toMatch(
      /CLUSTER_MISMATCH.* whose majority was lost: it has begun anew as cluster [0-9a-f]+ without .*needs an empty data directory and --join/,
    )
  })
  expect((await leaderOf())?.term).toBe(term)
  await old.kill()
}

/** With its directory, but as one that joins. */
async function isRefusedToJoin(cluster: Cluster, old: Member, at: readonly Member[]): Promise<void> {
  const join = at.map(({ endpoint }) => endpoint)
  const listen = old.endpoint
  const joining = new Member(old.name, 'serve', listen, cluster.dir, { ...OPTIONS, name: old.name, listen, join })
  const { length } = joining.log
  await joining.start()
  expect(await joining.gone()).toBe(1)
  expect(joining.log.slice(length)).toMatch(/start with an empty data directory.*CLUSTER_MISMATCH/)
}

test('a member that was removed, and one that is no member, are refused', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ options: OPTIONS })
  const leader = await cluster.leader()
  const removed = cluster.members.find((member) => member !== leader) as Member
  const client = await cluster.client()
  await client.members.remove(removed.name)
  expect(await removed.gone()).toBe(1)
  const refused = await rafterdb(['recover', '--data-dir', removed.dataDir, '--force-new-cluster'])
  expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/was removed from its cluster.*MEMBER_REMOVED/) })
  const nothing = join(cluster.dir, 'nothing')
  const nobody = await rafterdb(['recover', '--data-dir', nothing, '--force-new-cluster'])
  expect(nobody).toMatchObject({ code: 1, err: expect.stringMatching(/is of no member.*DATA_DIR_MISMATCH/) })
  expect(() => readFileSync(nothing), 'nothing is made').toThrow(/ENOENT/)
  cpSync(removed.dataDir, nothing, { recursive: true })
  rmSync(join(nothing, 'member.json'))
  expect((await rafterdb(['recover', '--data-dir', nothing, '--force-new-cluster'])).err).toMatch(/is of no member/)
})
