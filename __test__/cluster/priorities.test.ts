// Goal: of three members the one with the highest priority leads while it is there, the next one while it is not, and no write fails meanwhile.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Cluster, eventually } from './harness.js'

const OPTIONS = { memory: 32 << 20 }

test('the highest that is there leads', { timeout: 180_000 }, async () => {
  await using cluster = await Cluster.start({ options: OPTIONS })
  const db = await cluster.client()
  for (const [i, name] of ['a', 'b', 'c'].entries()) await db.members.update(name, { priority: i + 1 })
  const listed = (await db.members.list()).map(({ name, priority }) => [name, priority])
  expect(listed.sort()).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ])
  let [writes, isOver] = [0, false]
  const writing = (async () => {
    for (; !isOver; writes++) {
      await db.put(`key/${writes}`, `value ${writes}`)
      await sleep(2)
    }
  })()
  writing.catch(() => {})
  const leads = (name: string) =>
    eventually(`${name} to lead`, async () => {
      const statuses = await db.status()
      if (statuses.find(({ role }) => role === 'leader')?.name !== name) throw new Error(JSON.stringify(statuses))
    })
  await leads('c')
  const c = cluster.member('c')
  await c.kill()
  await leads('b')
  await c.start()
  await leads('c')
  // And it stays so.
  const term = (await db.status()).find(({ role }) => role === 'leader')?.term
  await sleep(8_000)
  const after = (await db.status()).find(({ role }) => role === 'leader')
  expect([after?.name, after?.term]).toEqual(['c', term])
  await db.members.update('a', { priority: 255 })
  await leads('a')
  isOver = true
  await writing
  expect(await db.count({ prefix: 'key/' })).toBe(writes)
  expect(writes).toBeGreaterThan(100)
})
