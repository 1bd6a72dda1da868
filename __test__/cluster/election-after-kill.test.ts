// After `kill -9` of the leader another one leads; how long that takes is printed. RAFTERDB_KILLS=50 for the long form.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Cluster, eventually, type Member } from './harness.js'

const KILLS = Math.min(20, Number(process.env['RAFTERDB_KILLS'] ?? 4))
/** Far above two election timeouts of 500 ms, for machines that have much else to do. */
const BOUND_MS = 10_000

/** Resolves when one of them leads, and takes writes. */
async function leaderOf(survivors: Member[]): Promise<Member> {
  const asked = survivors.map(async (member) => {
    return eventually(`${member.name} or another to lead`, async () => {
      const statuses = await member.running().call('status')
      const leader = statuses.find(({ name, role }) => role === 'leader' && survivors.some((s) => s.name === name))
      if (leader === undefined) throw new Error('no leader')
      return leader.name
    })
  })
  const name = await Promise.race(asked)
  return survivors.find((member) => member.name === name) as Member
}

test('another leader follows one that was killed', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ kinds: ['child', 'child', 'child'] })
  const times: number[] = []
  for (let i = 0; i < KILLS; i++) {
    const leader = await cluster.leader()
    await cluster.settled()
    await sleep(200)
    const start = performance.now()
    leader.signal('SIGKILL')
    const next = await leaderOf(cluster.members.filter((member) => member !== leader))
    times.push(performance.now() - start)
    await leader.gone()
    expect(next).not.toBe(leader)
    await next.running().call('put', `kill/${i}`, 'written')
    await leader.start()
  }
  times.sort((a, b) => a - b)
  const [median = 0, longest = 0] = [times[times.length >> 1], times.at(-1)]
  console.log(`a new leader after kill -9: median ${median.toFixed(0)} ms, longest ${longest.toFixed(0)} ms of ${KILLS}`)
  expect(median).toBeLessThan(BOUND_MS)
})
