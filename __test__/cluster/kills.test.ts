// `kill -9` of the leader, of a follower, of all members at once, at random moments under load: no acknowledged write is
// lost, none is applied twice, and all members end with the same state. RAFTERDB_KILLS=50 for the long form.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Random } from '../client/random.js'
import { checkWrites } from './check-writes.js'
import { Cluster, eventually, type Member, PATIENCE_MS } from './harness.js'
import { readBack } from './read-back.js'
import { WriteRecord } from './record.js'
import { targetOf, targetOfMember, Writers } from './writers.js'

const KILLS = Number(process.env['RAFTERDB_KILLS'] ?? 8)
const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const LANES = 8
/** Longest time before a kill, and before what was killed is started again, ms. */
const WAIT_MAX_MS = 1_200

/** Little memory and a short log: tables are flushed, the log is cut, and who was away gets a snapshot. */
const SMALL = { memory: 32 << 20, logRetainBytes: 1 << 20 }
const FILLING = 'x'.repeat(2_000)

/** Who dies next. */
async function victimsOf(cluster: Cluster, random: Random): Promise<Member[]> {
  const kind = random.pick(['leader', 'follower', 'all'])
  if (kind === 'all') return cluster.members
  const leader = await cluster.leader()
  return kind === 'leader' ? [leader] : [random.pick(cluster.members.filter((member) => member !== leader))]
}

/** Kills and starts again, and waits until the cluster goes on. */
async function kill(cluster: Cluster, record: WriteRecord, random: Random): Promise<string> {
  const victims = await victimsOf(cluster, random)
  await sleep(random.below(WAIT_MAX_MS))
  await Promise.all(victims.map((member) => member.kill()))
  await sleep(random.below(WAIT_MAX_MS))
  await Promise.all(victims.map((member) => member.start()))
  const before = record.acknowledged
  await eventually('writes to go on', async () => {
    if (record.acknowledged < before + LANES * 4) throw new Error(`${record.acknowledged - before} acknowledged since`)
  })
  return victims.map((member) => member.name).join('')
}

test(`${KILLS} kills with seed ${SEED}`, { timeout: KILLS * 15_000 + PATIENCE_MS * 2 }, async () => {
  const random = new Random(SEED)
  await using cluster = await Cluster.start({ kinds: ['serve', 'serve', 'child'], options: SMALL })
  const record = new WriteRecord()
  const client = await cluster.client()
  const embedded = cluster.member('c')
  const fromClient = new Writers({ record, target: targetOf(client), name: 'client', lanes: LANES, filling: FILLING })
  const fromMember = new Writers({
    ...{ record, name: 'member', lanes: LANES, filling: FILLING, mayEnd: true },
    target: targetOfMember(embedded),
  })
  const killed: string[] = []
  for (let i = 0; i < KILLS; i++) killed.push(await kill(cluster, record, random))
  await fromClient.stop()
  await fromMember.stop()

  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size, JSON.stringify(statuses)).toBe(1)
  const outcome = await readBack(await cluster.client())
  expect(checkWrites(record, outcome)).toEqual([])
  const unknown = record.attempts.length - record.acknowledged
  console.log(`seed ${SEED}: killed ${killed.join(' ')}; ${record.acknowledged} writes acknowledged, ${unknown} unknown`)
  expect(record.acknowledged).toBeGreaterThan(KILLS * LANES)
})
