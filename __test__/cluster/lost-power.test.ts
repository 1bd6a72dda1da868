// Goal: with weaker durability, a member whose machine went down and forgot the end of its log helps nobody to power who lacks
// what it had acknowledged; a member that only lost its process takes part at once. The new start of the machine is a fault point;
// what the disk never got is zeros.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
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
/** The log's unit. */
const BLOCK = 4096
/** Another start of the machine than that in which the member wrote. */
const STARTED_ANEW = { RAFTERDB_FAULTS: 'member.boot=error' }

const isMarked = (member: Member) => {
  const { recovering } = JSON.parse(readFileSync(join(member.dataDir, 'member.json'), 'utf8')) as { recovering: number[] }
  return recovering.length > 0
}

/** Takes the later half of what was written from a member's log, as if it had never reached the disk; how many bytes. */
function forgetTail(member: Member): number {
  const log = join(member.dataDir, 'log')
  const segment = readdirSync(log)
    .filter((name) => name.endsWith('.wal'))
    .sort()
    .at(-1)
  const path = join(log, segment ?? '')
  const bytes = readFileSync(path)
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  const kept = Math.ceil(end / 2 / BLOCK) * BLOCK
  writeFileSync(path, bytes.fill(0, kept))
  return end - kept
}

test('a machine that went down and a paused leader lose nothing together', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ options: { durability: 'os' } })
  const record = new WriteRecord()
  const leader = await cluster.leader()
  const [behind, loser] = cluster.members.filter((member) => member !== leader) as [Member, Member]
  const client = await cluster.client()
  await behind.kill()
  for (let i = 0; i < WRITES; i++) {
    const attempt = record.begin(`key/${i}`, `value ${i}`)
    record.acknowledge(attempt, (await client.put(attempt.key, attempt.value)).revision)
  }
  await loser.kill()
  leader.signal('SIGSTOP')
  expect(forgetTail(loser)).toBeGreaterThan(WRITES * 100)
  await Promise.all([behind.start(), loser.start(STARTED_ANEW)])
  const endpoints = [behind.endpoint, loser.endpoint]
  await using others = await eventually('a member that answers', () => connect({ endpoints, requestTimeout: LONG_MS }))
  const { key, value } = record.begin('meanwhile', 'may or may not be done')
  const refused = await others.put(key, value).catch((error: RafterError) => error.code)
  expect(['NO_LEADER', 'TIMEOUT']).toContain(refused)
  expect(isMarked(loser)).toBe(true)

  leader.signal('SIGCONT')
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  await eventually('the mark to go', async () => expect(isMarked(loser)).toBe(false))
  expect(checkWrites(record, await readBack(await cluster.client()))).toEqual([])
})

test('a process that was killed takes part at once, with all that it acknowledged', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ options: { durability: 'os' } })
  const record = new WriteRecord()
  const leader = await cluster.leader()
  const [behind, killed] = cluster.members.filter((member) => member !== leader) as [Member, Member]
  const client = await cluster.client()
  await behind.kill()
  for (let i = 0; i < WRITES; i++) {
    const attempt = record.begin(`key/${i}`, `value ${i}`)
    record.acknowledge(attempt, (await client.put(attempt.key, attempt.value)).revision)
  }
  // It alone has them, and it has voted for nobody since.
  await Promise.all([killed.kill(), leader.kill()])
  await Promise.all([killed.start(), behind.start()])
  await eventually('the note', async () => expect(killed.log).toMatch(/nothing that was acknowledged is lost/))
  const attempt = record.begin('after', 'both')
  record.acknowledge(attempt, (await client.put(attempt.key, attempt.value)).revision)
  expect(isMarked(killed)).toBe(false)
  expect(checkWrites(record, await readBack(await cluster.client()))).toEqual([])
})
