// Goal: with weaker durability, machines of a majority that lose power together stop the cluster until somebody takes the loss, as
// the known limits of ARCHITECTURE say: unmarked are as many as make a majority with those whose machines went on, so that who has
// most leads. While there is one of those nothing is lost, and else no more than the end.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type RafterError } from 'rafterdb'
import { expect, test } from 'vitest'
import { Cluster, eventually, type Member } from './harness.js'

const WRITES = 50
/** Several times what an election takes. */
const LONG_MS = 5_000
/** The log's unit. */
const BLOCK = 4096

const identityOf = (member: Member) => join(member.dataDir, 'member.json')
const read = (member: Member) => JSON.parse(readFileSync(identityOf(member), 'utf8')) as { recovering: number[] }
const isMarked = (member: Member) => read(member).recovering.length > 0

/** By hand, as ARCHITECTURE says: without the sum. */
function change(member: Member, fields: { recovering: number[] } | { unsynced: string }): void {
  const { checksum: _, ...identity } = { checksum: '', ...read(member) }
  writeFileSync(identityOf(member), JSON.stringify({ ...identity, ...fields }))
}

/** Its machine has started anew, and a part of the log's end has never reached the disk: of `whole` parts so many are left. */
function losePower(member: Member, left: number, whole: number): void {
  change(member, { unsynced: '00000000-0000-0000-0000-000000000000' })
  const log = join(member.dataDir, 'log')
  const segments = readdirSync(log).filter((name) => name.endsWith('.wal'))
  const path = join(log, segments.sort().at(-1) ?? '')
  const bytes = readFileSync(path)
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  writeFileSync(path, bytes.fill(0, Math.ceil((end * left) / whole / BLOCK) * BLOCK))
}

const key = (n: number) => `key/${String(n).padStart(3, '0')}`

/** A cluster that has acknowledged so many writes, killed. */
async function written(): Promise<Cluster> {
  const cluster = await Cluster.start({ options: { durability: 'os' } })
  const client = await cluster.client()
  for (let n = 0; n < WRITES; n++) await client.put(key(n), `value ${n}`)
  await cluster.settled()
  await Promise.all(cluster.members.map((member) => member.kill()))
  return cluster
}

const start = (cluster: Cluster) => Promise.all(cluster.members.map((member) => member.start()))

/** Starts all, sees that they wait for one another, and takes the mark of `unmarked`. */
async function takeTheLoss(cluster: Cluster, marked: Member[], unmarked: Member[]): Promise<void> {
  await start(cluster)
  await using client = await eventually('a member that answers', () =>
    connect({ endpoints: cluster.endpoints, requestTimeout: LONG_MS }),
  )
  const refused = await client.put('meanwhile', 'not done').catch((error: RafterError) => error.code)
  expect(['NO_LEADER', 'TIMEOUT']).toContain(refused)
  expect(marked.map(isMarked)).toEqual(marked.map(() => true))
  await Promise.all(cluster.members.map((member) => member.kill()))
  for (const member of unmarked) change(member, { recovering: [] })
  await start(cluster)
}

/** The keys that all members have. */
async function kept(cluster: Cluster): Promise<string[]> {
  const client = await cluster.client()
  await client.put('after', 'done')
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  await eventually('no mark', async () => expect(cluster.members.map(isMarked)).toEqual([false, false, false]))
  const keys: string[] = []
  for await (const pair of client.range({ prefix: 'key/' })) keys.push(pair.key)
  return keys
}

const all = Array.from({ length: WRITES }, (_, n) => key(n))

test('one whose machine went on, and one that is unmarked, keep all', { timeout: 240_000 }, async () => {
  await using cluster = await written()
  const [first, second] = cluster.members as [Member, Member, Member]
  losePower(first, 1, 3)
  losePower(second, 1, 2)
  await takeTheLoss(cluster, [first, second], [first])
  expect(await kept(cluster)).toEqual(all)
})

test('without one, what is kept is all up to some write', { timeout: 240_000 }, async () => {
  await using cluster = await written()
  const [first, second, third] = cluster.members as [Member, Member, Member]
  losePower(first, 1, 3)
  losePower(second, 1, 2)
  losePower(third, 1, 3)
  await takeTheLoss(cluster, cluster.members, [first, second])
  const keys = await kept(cluster)
  expect(keys).toEqual(all.slice(0, keys.length))
  expect(keys.length).toBeLessThan(WRITES)
  // The second had most.
  expect(keys.length).toBeGreaterThan(WRITES / 4)
})
