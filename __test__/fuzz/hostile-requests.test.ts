// Clients that lie, over real sockets, to a real cluster: it answers or closes, stays up, and goes on serving honest ones.
import { expect, test } from 'vitest'
import { freshSeed } from '../client/random.js'
import { lieAsClient } from './lies.js'
import { CASES, lanesOf, Siege, TEST_MS } from './siege.js'

const LANES = 12

test(`${CASES} hostile requests`, { timeout: TEST_MS }, async () => {
  const seed = freshSeed()
  await using siege = await Siege.lay()
  const { endpoints } = siege.cluster
  const lanes = lanesOf(seed, LANES)
  const told = lanes.map((random, n) => lieAsClient(random, endpoints[n % endpoints.length]!, Math.ceil(CASES / LANES)))
  const failed = (await Promise.allSettled(told)).flatMap((lane) => (lane.status === 'rejected' ? [String(lane.reason)] : []))
  expect([...failed, ...(await siege.judge(seed))], `RAFTERDB_SEED=${seed}`).toEqual([])
})
