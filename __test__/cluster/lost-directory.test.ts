// Goal: a member that lost its data directory helps nobody to power who lacks what it had acknowledged. With the only other
// holder of the writes paused, the cluster waits; when that one goes on, every write is there, and the member has caught up.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type RafterError } from 'rafterdb'
import { expect, test } from 'vitest'
import { checkWrites } from './check-writes.js'
import { Cluster, eventually, type Member } from './harness.js'
import { readBack } from './read-back.js'
import { WriteRecord } from './record.js'

const WRITES = 50
/** Several times what an election takes. */
const LONG_MS = 5_000

const isThere = (member: Member) => existsSync(join(member.dataDir, 'member.json'))
const isMarked = (member: Member) => {
  const { recovering } = JSON.parse(readFileSync(join(member.dataDir, 'member.json'), 'utf8')) as { recovering: number[] }
  return recovering.length > 0
}

test('a lost directory and a paused leader lose nothing together', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start()
  const record = new WriteRecord()
  const leader = await cluster.leader()
  const [behind, loser] = cluster.members.filter((member) => member !== leader) as [Member, Member]
  expect(cluster.members.map(isMarked), 'marks are gone once the cluster is founded').toEqual([false, false, false])
  const client = await cluster.client()
  await behind.kill()
  for (let i = 0; i < WRITES; i++) {
    const attempt = record.begin(`key/${i}`, `value ${i}`)
    record.acknowledge(attempt, (await client.put(attempt.key, attempt.value)).revision)
  }

  await loser.kill()
  leader.signal('SIGSTOP')
  rmSync(loser.dataDir, { recursive: true })
  await Promise.all([behind.start(), loser.start()])
  const endpoints = [behind.endpoint, loser.endpoint]
  await using others = await eventually('a member that answers', () => connect({ endpoints, requestTimeout: LONG_MS }))
  const { key, value } = record.begin('meanwhile', 'may or may not be done')
  const refused = await others.put(key, value).catch((error: RafterError) => error.code)
  expect(['NO_LEADER', 'TIMEOUT']).toContain(refused)
  const roles = (await others.status()).filter(({ name }) => name !== leader.name).map(({ role }) => role)
  expect(roles).not.toContain('leader')
  expect(isMarked(loser)).toBe(true)

  leader.signal('SIGCONT')
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  await eventually('the mark to go', async () => expect(isMarked(loser)).toBe(false))
  await eventually('the log to say so', async () => expect(loser.log).toMatch(/group 0 has caught up and votes again/))
  const attempt = record.begin('after', 'all')
  record.acknowledge(attempt, (await client.put(attempt.key, attempt.value)).revision)
  expect(checkWrites(record, await readBack(await cluster.client()))).toEqual([])
})

test('a lost directory alone stops nobody, and its member votes again', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start()
  const leader = await cluster.leader()
  const [other, loser] = cluster.members.filter((member) => member !== leader) as [Member, Member]
  const client = await cluster.client()
  await client.put('before', 'kept')
  await loser.kill()
  rmSync(loser.dataDir, { recursive: true })
  await loser.start()
  await client.put('meanwhile', 'kept')
  await eventually('the mark to go', async () => expect(isThere(loser) && !isMarked(loser)).toBe(true))
  // Now it is one of the two that are needed.
  await other.kill()
  await client.put('after', 'kept')
  await leader.kill()
  await other.start()
  expect([await client.get('before'), await client.get('meanwhile'), await client.get('after')]).toEqual(['kept', 'kept', 'kept'])
})
