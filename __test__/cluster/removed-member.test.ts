// Goal: a member that is removed ends by itself, whatever became of it meanwhile, and its directory does not come back; those that stay
// do not elect anew for that, and go on without it.
import { expect, test } from 'vitest'
import { Cluster, type Member } from './harness.js'

/** It ends by itself, says why, and its exit code says that it failed. */
async function ends(member: Member, saidBefore = 0): Promise<void> {
  expect(await member.gone()).toBe(1)
  expect(member.log.slice(saidBefore)).toMatch(new RegExp(`${member.name} was removed from its cluster .*MEMBER_REMOVED`))
}

/** With the members that it was founded with. */
async function doesNotOpen(member: Member): Promise<void> {
  const { length } = member.log
  await member.start()
  await ends(member, length)
  expect(member.log.slice(length)).not.toMatch(/ ready /)
}

test('members that are removed while they run, are paused, are down, or lead', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({
    kinds: ['serve', 'serve', 'serve', 'serve', 'serve'],
    options: { memory: 32 << 20 },
  })
  const leader = await cluster.leader()
  const [running, paused, down, last] = cluster.members.filter((member) => member !== leader) as [Member, Member, Member, Member]
  const client = await cluster.client()
  const termOf = async (name: string) =>
    (await client.status()).find((status) => status.name === name && status.role === 'leader')?.term
  const term = await termOf(leader.name)
  await client.put('before', 'kept')

  await client.members.remove(running.name)
  await ends(running)
  paused.signal('SIGSTOP')
  await client.members.remove(paused.name)
  paused.signal('SIGCONT')
  await ends(paused)
  await down.kill()
  await client.members.remove(down.name)
  await down.start()
  await ends(down)
  for (const member of [running, paused, down]) await doesNotOpen(member)
  expect(await termOf(leader.name), 'nobody has campaigned').toBe(term)

  await client.put('meanwhile', 'kept')
  await client.members.remove(leader.name)
  await ends(leader)
  await client.put('after', 'kept')
  expect((await client.members.list()).map(({ name }) => name)).toEqual([last.name])
  expect([await client.get('before'), await client.get('meanwhile')]).toEqual(['kept', 'kept'])
})
