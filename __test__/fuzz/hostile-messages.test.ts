// Members that lie, over real sockets, to the three of a cluster of five that run: these stay up and in agreement, and serve.
import { expect, test } from 'vitest'
import { freshSeed } from '../client/random.js'
import { identify, lieAsMember } from './lies.js'
import { CASES, lanesOf, Siege, TEST_MS } from './siege.js'
import { BULK_LANE, FAST_LANE } from './socket.js'

test(`${CASES} hostile messages of members`, { timeout: TEST_MS }, async () => {
  const seed = freshSeed()
  await using siege = await Siege.lay({ absent: 2 })
  const { cluster } = siege
  const liars = Object.keys(cluster.absent)
  // Each liar on both lanes to each member.
  const ways = cluster.endpoints.flatMap((endpoint) =>
    liars.flatMap((name) => [FAST_LANE, BULK_LANE].map((kind) => ({ endpoint, name, kind }))),
  )
  const ids = new Map((await siege.db.members()).map(({ name, id }) => [name, id]))
  const lanes = lanesOf(seed, ways.length)
  const told = ways.map(async ({ endpoint, name, kind }, n) => {
    const { roster, memberId } = await identify(endpoint)
    const hello = { kind, roster, memberId: ids.get(name) as number, to: memberId }
    await lieAsMember(lanes[n]!, { endpoint, hello }, Math.ceil(CASES / ways.length))
  })
  const failed = (await Promise.allSettled(told)).flatMap((lane) => (lane.status === 'rejected' ? [String(lane.reason)] : []))
  expect([...failed, ...(await siege.judge(seed))], `RAFTERDB_SEED=${seed}`).toEqual([])
})
