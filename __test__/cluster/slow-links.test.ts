// Goal: links that carry little slow down nobody but who is behind them: a follower behind one does not slow the majority, and large values on
// their way neither keep a leader from being heard nor small writes from being done.
import { connect } from 'rafterdb'
import { expect, test } from 'vitest'
import { Links } from '../chaos/links.js'
import { Cluster, type Member, PATIENCE_MS } from './harness.js'

const ELECTION_TIMEOUT_MS = 1_000
const MIB = 'x'.repeat(1 << 20)

async function start(links: Links, options = {}) {
  const cluster = await Cluster.start({ route: links.route, options: { electionTimeout: ELECTION_TIMEOUT_MS, ...options } })
  const leader = await cluster.leader()
  const db = await connect({ endpoints: [leader.endpoint], requestTimeout: PATIENCE_MS })
  const followers = cluster.members.filter((member) => member !== leader)
  return { cluster, leader, db, followers: followers as [Member, Member] }
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await call()
  return performance.now() - begin
}

function describe(times: number[]): string {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (index: number) => Math.round(sorted[index] ?? 0)
  return `${times.length}, p50 ${at(times.length >> 1)} ms, longest ${at(times.length - 1)} ms`
}

const termOf = async (cluster: Cluster) => Math.max(...(await cluster.status()).map(({ term }) => term))

test('a follower behind a slow link falls behind alone, and the others go on', { timeout: 120_000 }, async () => {
  using links = new Links()
  const { cluster, leader, db, followers } = await start(links)
  await using _cluster = cluster
  const term = await termOf(cluster)
  for (const link of links.around([followers[0].name])) link.rate = 200_000
  const value = 'x'.repeat(64 << 10)
  // 32 MiB: what the link carries in 160 s.
  for (let round = 0; round < 32; round++) {
    await Promise.all(Array.from({ length: 16 }, (_, i) => db.put(`key/${round}/${i}`, value)))
  }
  const statuses = await cluster.status()
  const at = (name: string) => statuses.find((status) => status.name === name)?.lastIndex ?? 0
  expect(at(followers[1].name)).toBe(at(leader.name))
  expect(at(followers[0].name)).toBeLessThan(at(leader.name))
  expect(await termOf(cluster)).toBe(term)
  links.heal()
  const settled = await cluster.settled()
  expect(new Set(settled.map(({ stateHash }) => stateHash)).size).toBe(1)
  await db.close()
})

// Without a lease a read is a round of heartbeats.
test('values of a MiB on slow links: the leader stays, heartbeats do not wait for them, and small writes are done between them', {
  timeout: 120_000,
}, async () => {
  using links = new Links()
  const { cluster, db, followers } = await start(links, { leaseReads: false })
  await using _cluster = cluster
  const term = await termOf(cluster)
  for (const link of links.around(followers.map(({ name }) => name))) link.rate = 10_000_000
  let ended = false
  const large = Promise.all(
    Array.from({ length: 8 }, async (_, lane) => {
      for (let round = 0; round < 8; round++) await db.put(`large/${lane}/${round}`, MIB)
    }),
  ).finally(() => {
    ended = true
  })
  const puts: number[] = []
  const gets: number[] = []
  while (!ended) {
    puts.push(await timed(() => db.put('small', String(puts.length))))
    gets.push(await timed(() => db.get('small')))
  }
  await large
  console.log(`small writes: ${describe(puts)}; rounds of heartbeats: ${describe(gets)}`)
  expect(await termOf(cluster)).toBe(term)
  // Each of eight values takes a link 105 ms, and all follow one another without a pause.
  expect(gets.sort((a, b) => a - b)[gets.length >> 1]).toBeLessThan(50)
  await db.close()
})
