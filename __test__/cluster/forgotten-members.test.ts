// Goal: who is told nothing by the log any more is told by its error what to do: one whose directory was emptied after it was removed, under its
// old command line; and whoever tries to remove a majority that is gone.
import { rmSync } from 'node:fs'
import { connect } from 'rafterdb'
import { expect, test } from 'vitest'
import { rafterdb } from './command.js'
import { Cluster, eventually, Member, onLoopback } from './harness.js'

test('a removed founder with an empty directory ends, and says how it comes back; two of them found nothing', {
  timeout: 120_000,
}, async () => {
  await using cluster = await Cluster.start({ options: { memory: 32 << 20 } })
  const leader = await cluster.leader()
  const removed = cluster.members.filter((member) => member !== leader)
  const client = await cluster.client()
  await client.put('before', 'kept')
  for (const member of removed) {
    await client.members.remove(member.name)
    expect(await member.gone()).toBe(1)
    rmSync(member.dataDir, { recursive: true })
  }
  const said = removed.map((member) => member.log.length)
  // A majority of those that they were founded with, and empty: they would be a new cluster.
  await Promise.all(removed.map((member) => member.start()))
  for (const [i, member] of removed.entries()) {
    expect(await member.gone()).toBe(1)
    expect(member.log.slice(said[i])).toMatch(
      /is none of them \(entry \d+\)\. To be one, it needs an empty data directory, and --join in place of --members.*MEMBER_REMOVED/,
    )
  }
  expect(await client.get('before')).toBe('kept')
})

test('a member whose directory was lost after the members had changed is told how it comes back, and so it does', {
  timeout: 120_000,
}, async () => {
  const options = { memory: 32 << 20 }
  await using cluster = await Cluster.start({ options })
  const leader = await cluster.leader()
  const client = await cluster.client()
  const start = async (name: string, listen: string) => {
    const member = new Member(name, 'serve', listen, cluster.dir, { ...options, name, listen, join: [leader.endpoint] })
    cluster.members.push(member)
    await member.start()
    await eventually(`${name} to vote`, async () => {
      const found = (await client.members.list()).find((other) => other.name === name)
      if (found?.role !== 'voter') throw new Error(JSON.stringify(found))
    })
  }
  await start('d', (await onLoopback()).endpoint)
  const lost = cluster.members.find(({ name, endpoint }) => name !== 'd' && endpoint !== leader.endpoint) as Member
  await lost.kill()
  rmSync(lost.dataDir, { recursive: true })
  await lost.start()
  const advice = `${lost.name} has lost its data directory, remove it from the members, and start it with an empty directory and --join`
  await eventually('the advice', async () => expect(lost.log).toContain(advice))
  await client.members.remove(lost.name)
  expect(await lost.gone()).toBe(1)
  cluster.members.splice(cluster.members.indexOf(lost), 1)
  rmSync(lost.dataDir, { recursive: true })
  await start(lost.name, lost.endpoint)
  await client.put('after', 'kept')
  expect(new Set((await cluster.settled()).map(({ stateHash }) => stateHash)).size).toBe(1)
})

test('a majority that is gone is not removed by force, which says what is', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ options: { memory: 32 << 20 } })
  const [left, first, second] = cluster.members as [Member, Member, Member]
  await Promise.all([first.kill(), second.kill()])
  await using db = await connect({ endpoints: [left.endpoint], requestTimeout: 60_000 })
  const refused = await db.members.remove(first.name, { force: true, timeout: 3_000 }).catch((error: Error) => error)
  // Who led for a moment longer may have taken it.
  expect(refused).toMatchObject({ code: 'TIMEOUT', outcome: expect.stringMatching(/^(not-done|unknown)$/) })
  expect(String(refused)).toMatch(/force too needs a majority of the voters that there are.*rafterdb recover --force-new-cluster/)
  const plain = await db.members.remove(first.name, { timeout: 1_000 }).catch((error: Error) => error)
  expect(String(plain)).not.toMatch(/force/)
  const command = ['member', 'remove', first.name, '--force', '--timeout', '2s', '--endpoints', left.endpoint]
  expect((await rafterdb(command)).err).toMatch(/recover --force-new-cluster/)
})
