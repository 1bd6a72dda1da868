// Goal: whoever dies at any step of a change of the members, the change is made whole in the end by those that go on and by whoever asked for it,
// nobody is left half in or out, and no write is lost.
import { readFileSync, rmSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import type { Database } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster, eventually, Member } from '../cluster/harness.js'
import { allPoints, isOfMembers } from './points.js'

const OPTIONS = { memory: 32 << 20 }
const CHANGE_MS = 30_000

let cluster: Cluster
let db: Database
let written = 0

beforeAll(async () => {
  cluster = await Cluster.start({ options: OPTIONS })
  db = await cluster.client()
  await cluster.settled()
})

afterAll(() => cluster[Symbol.asyncDispose]())

/** Starts a member again, with a point at which it dies. */
async function arm(member: Member, point: string, hit: number): Promise<void> {
  await member.kill()
  await member.start({ RAFTERDB_FAULTS: `${point}=abort@${hit}` })
}

/** Leads, with a point at which it dies. */
async function armLeader(point: string, hit: number): Promise<Member> {
  const before = await cluster.leader()
  const member = cluster.members.find((other) => other !== before) as Member
  await arm(member, point, hit)
  await eventually('it to lead', () => db.transferLeader(member.name, { timeout: 2_000 }))
  return member
}

/** It dies at its point, and is started again without. */
async function dies(member: Member): Promise<void> {
  expect(await member.gone(), `${member.name} did not die\n${member.log}`).toBeNull()
  await member.start()
}

/** What was ever written is there, all of it on all, and the members are these, for good. */
async function isWhole(members: readonly Member[]): Promise<void> {
  await db.put(`key/${written}`, `value ${written}`)
  written += 1
  const keys = Array.from({ length: written }, (_, i) => db.get(`key/${i}`))
  expect(await Promise.all(keys)).toEqual(Array.from({ length: written }, (_, i) => `value ${i}`))
  await eventually('the members to agree', async () => {
    const list = (await db.members.list()).map(({ name, role, changing }) => `${name} ${role} ${changing}`)
    expect(list.sort()).toEqual(members.map(({ name }) => `${name} voter null`).sort())
  })
  expect(new Set((await cluster.settled()).map(({ stateHash }) => stateHash)).size).toBe(1)
}

/** Takes the member out, while somebody dies of it. */
async function remove(leaving: Member, dying: Member): Promise<void> {
  const { length } = leaving.log
  const removed = db.members.remove(leaving.name, { timeout: CHANGE_MS })
  await Promise.all([removed, dying === leaving ? dies(leaving) : dies(dying)])
  // It may have ended already.
  await leaving.gone()
  expect(leaving.log.slice(length)).toMatch(/was removed from its cluster .*MEMBER_REMOVED/)
  const { removed: index } = JSON.parse(readFileSync(joinPath(leaving.dataDir, 'member.json'), 'utf8')) as { removed?: number }
  expect(index, 'it is on disk that it is none any more').toBeGreaterThan(0)
  await leaving.start()
  expect(await leaving.gone(), 'its directory does not open again').toBe(1)
  cluster.members.splice(cluster.members.indexOf(leaving), 1)
  await isWhole(cluster.members)
}

/** A new member of that name, in an empty directory; `faults`: where it dies the first time. */
async function join(old: Member, dying?: Member, faults?: string): Promise<void> {
  rmSync(old.dataDir, { recursive: true })
  const { name, endpoint } = old
  const at = cluster.members.map((member) => member.endpoint)
  const member = new Member(name, 'serve', endpoint, cluster.dir, { ...OPTIONS, name, listen: endpoint, join: at })
  await member.start(faults === undefined ? {} : { RAFTERDB_FAULTS: faults })
  if (faults !== undefined) await dies(member)
  if (dying !== undefined) await dies(dying)
  cluster.members.push(member)
  await eventually(`${name} to vote`, async () => {
    const found = (await db.members.list()).find((one) => one.name === name)
    expect(found?.role, member.log).toBe('voter')
  })
  await isWhole(cluster.members)
}

/** A member that does not lead, and is none of these. */
async function follower(...others: Member[]): Promise<Member> {
  const leader = await cluster.leader()
  return cluster.members.find((member) => member !== leader && !others.includes(member)) as Member
}

/** A change of voters has two entries. */
const BOTH = [1, 2]
const cases = [
  ...['member.configure', 'member.configured'].flatMap((point) => BOTH.map((hit) => ['the leader', point, hit] as const)),
  ...['member.configuration', 'member.configured'].flatMap((point) => BOTH.map((hit) => ['a follower', point, hit] as const)),
  ...['member.removed', 'member.removed.noted'].map((point) => ['who leaves', point, 1] as const),
]

test('every point is in one of the cases', () => {
  const known = new Set([...cases.map(([, point]) => point as string), 'member.joined'])
  expect(allPoints().filter((point) => isOfMembers(point) && !known.has(point))).toEqual([])
})

test.for(cases)('a member is taken out, and %s dies at %s, hit %i', async ([who, point, hit]) => {
  let leaving: Member
  let dying: Member
  if (who === 'the leader') {
    dying = await armLeader(point, hit)
    leaving = await follower()
  } else {
    dying = await follower()
    await arm(dying, point, hit)
    leaving = who === 'who leaves' ? dying : await follower(dying)
  }
  await remove(leaving, dying)
  await join(leaving)
})

/** A learner is taken in by one entry, and made a voter by two. */
test.for([1, 2, 3])('a member joins, and the leader dies before its entry %i', async (hit) => {
  const leaving = await follower()
  await db.members.remove(leaving.name)
  await leaving.gone()
  cluster.members.splice(cluster.members.indexOf(leaving), 1)
  await join(leaving, await armLeader('member.configure', hit))
})

test('a member joins, and dies before it is marked as one', async () => {
  const leaving = await follower()
  await db.members.remove(leaving.name)
  await leaving.gone()
  cluster.members.splice(cluster.members.indexOf(leaving), 1)
  await join(leaving, undefined, 'member.joined=abort')
})
