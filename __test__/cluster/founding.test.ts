// Goal: a cluster of real processes is founded with a witness and with priorities by one list, in whatever order they are started; it goes on
// when any of the three fails, starts again, and what was changed meanwhile stays.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { rafterdb } from './command.js'
import { Cluster, eventually, type Member } from './harness.js'

const OPTIONS = { memory: 32 << 20 }

/** Starts three that are founded as the test says, the witness well before the others. */
async function found(): Promise<Cluster> {
  const ports = await freePorts(3)
  const [a, b, c] = ports.map((port) => `127.0.0.1:${port}`) as [string, string, string]
  const members = { a, b: { endpoint: b, priority: 5 }, c: { endpoint: c, witness: true } }
  const cluster = Cluster.of(
    [
      { name: 'a', kind: 'serve', endpoint: a },
      { name: 'b', kind: 'child', endpoint: b },
      { name: 'c', kind: 'serve', endpoint: c },
    ],
    { ...OPTIONS, members },
  )
  await cluster.member('c').start()
  // Longer than a member that joins asks for.
  await sleep(6_000)
  await Promise.all([cluster.member('a').start(), cluster.member('b').start()])
  return cluster
}

async function listed(cluster: Cluster) {
  const db = await cluster.client()
  return (await db.members.list()).map(({ name, role, isWitness, priority }) => [name, role, isWitness, priority]).sort()
}

const leads = (cluster: Cluster, name: string) =>
  eventually(`${name} to lead`, async () => expect((await cluster.leader()).name).toBe(name))

test('with a witness that is there first, and one that should lead', { timeout: 180_000 }, async () => {
  await using cluster = await found()
  const all = [
    ['a', 'voter', false, 0],
    ['b', 'voter', false, 5],
    ['c', 'voter', true, 0],
  ]
  await eventually('the witness to vote', async () => expect(await listed(cluster)).toEqual(all))
  expect(cluster.member('c').log).toMatch(/waits for 127.* and 127.* to found the cluster/)
  await leads(cluster, 'b')
  const db = await cluster.client()
  await db.put('before', '1')
  for (const name of ['b', 'a', 'c']) {
    const member = cluster.member(name) as Member
    await member.kill()
    await eventually(`a write without ${name}`, () => db.put(`without/${name}`, '1'))
    await member.start()
    await cluster.settled()
    // As long as a leader takes to see it.
    await sleep(1_500)
  }
  // All at once, after what was given at the founding was changed.
  await db.members.update('b', { priority: 0 })
  await db.members.update('a', { priority: 3 })
  await leads(cluster, 'a')
  await Promise.all(cluster.members.map((member) => member.stop()))
  await Promise.all(cluster.members.map((member) => member.start()))
  await leads(cluster, 'a')
  await sleep(2_000)
  expect(await listed(cluster)).toEqual([
    ['a', 'voter', false, 3],
    ['b', 'voter', false, 0],
    ['c', 'voter', true, 0],
  ])
  expect(await (await cluster.client()).count({ prefix: 'without/' })).toBe(3)
})

test('a member with data that the list calls a witness is refused, and so are those that were founded with it', {
  timeout: 120_000,
}, async () => {
  await using cluster = await Cluster.start({ options: OPTIONS })
  await Promise.all(cluster.members.map((member) => member.stop()))
  const [a, b, c] = cluster.endpoints
  const serve = (name: string, endpoint = '') =>
    rafterdb([
      ...['serve', '--name', name, '--listen', endpoint, '--data-dir', cluster.member(name).dataDir],
      ...['--members', `a=${a},b=${b},c=${c}/witness`],
    ])
  expect(await serve('a', a)).toMatchObject({ code: 1, err: expect.stringMatching(/not given: c.*\(DATA_DIR_MISMATCH\)/s) })
  expect(await serve('c', c)).toMatchObject({ code: 1, err: expect.stringMatching(/is of a member with data/) })
})
