// Goal: who is a member is what the log says, on all members, whatever happens to their processes: a follower is taken out and two go on;
// a member moves while the others run; everybody is killed at once, right after a change and in the middle of one.
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'rafterdb'
import { expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { Cluster, eventually, type Member } from './harness.js'

/** What a member says who the members are. */
async function listedBy(member: Member): Promise<string[]> {
  await using db = await connect({ endpoints: [member.endpoint], requestTimeout: 2_000 })
  return (await db.members.list()).map(({ name, endpoint, role }) => `${name} ${role} ${endpoint}`).sort()
}

/** Waits until all of these say the same; returns what that is. */
function agreed(members: readonly Member[]): Promise<string[]> {
  return eventually('the same list at all', async () => {
    const [first = [], ...others] = await Promise.all(members.map(listedBy))
    for (const other of others) expect(other).toEqual(first)
    return first
  })
}

const voters = (members: readonly Member[]) => members.map(({ name, endpoint }) => `${name} voter ${endpoint}`).sort()

async function killAll(members: readonly Member[]): Promise<void> {
  await Promise.all(members.map((member) => member.kill()))
  await Promise.all(members.map((member) => member.start()))
}

test('a follower is taken out, two go on, and a kill of both changes nothing', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start()
  const leader = await cluster.leader()
  const [out, other] = cluster.members.filter((member) => member !== leader) as [Member, Member]
  const db = await cluster.client()
  await db.put('before', '1')
  await db.members.remove(out.name)
  await out.kill()
  await db.put('after', '2')
  const left = [leader, other]
  expect(await agreed(left)).toEqual(voters(left))
  await killAll(left)
  expect(await agreed(left)).toEqual(voters(left))
  await db.put('again', '3')
  // With one of the two there is no majority of two, although there would be none of three either way: the other one must come back.
  await other.kill()
  await other.start()
  await db.put('last', '4')
  expect(await Promise.all(['before', 'after', 'again', 'last'].map((key) => db.get(key)))).toEqual(['1', '2', '3', '4'])
})

test('a member moves to another address while the others run', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start()
  const leader = await cluster.leader()
  const moving = cluster.members.find((member) => member !== leader) as Member
  const staying = cluster.members.filter((member) => member !== moving)
  const [port] = await freePorts(1)
  const endpoint = `127.0.0.1:${port}`
  await using db = await connect({ endpoints: staying.map((member) => member.endpoint), requestTimeout: 60_000 })
  await moving.kill()
  await db.members.update(moving.name, { endpoint })
  const before = await agreed(staying)
  expect(before).toContain(`${moving.name} voter ${endpoint}`)
  Object.assign(moving, {
    endpoint,
    options: { ...moving.options, members: { ...moving.options.members, [moving.name]: endpoint } },
  })
  await moving.start()
  expect(await agreed(cluster.members)).toEqual(before)
  // It is needed for a majority now.
  await (staying.find((member) => member !== leader) as Member).kill()
  await db.put('key', 'value')
})

test('kills in the middle of changes leave all members with the same list', { timeout: 240_000 }, async () => {
  await using cluster = await Cluster.start()
  const [a, b, c] = cluster.members as [Member, Member, Member]
  const db = await cluster.client()
  for (const [round, delay] of [0, 3, 10].entries()) {
    const goes = round % 2 === 0 ? db.members.remove(c.name, { timeout: 3_000 }) : Promise.resolve()
    const settled = goes.then(
      () => 'done',
      () => 'unknown',
    )
    await sleep(delay)
    await killAll([a, b])
    await settled
    await db.put(`round ${round}`, 'value')
    const list = await agreed([a, b])
    // All of it or nothing: a change that was begun is brought to its end by whoever leads then.
    expect([voters([a, b]), voters([a, b, c])]).toContainEqual(list)
  }
})
