// Goal: a watch never goes on over data that has taken the place of what it watched, and always over its own.
import { rmSync } from 'node:fs'
import type { Database, Watch } from 'rafterdb'
import { expect, test } from 'vitest'
import { Cluster, eventually } from './harness.js'

const WRITES = 50

/** Revisions that the watch reports until its end; then the code of the error that ended it. */
async function follow(watch: Watch): Promise<(number | string)[]> {
  const seen: (number | string)[] = []
  try {
    for await (const { key, revision } of watch) {
      seen.push(revision)
      if (key === 'last') break
    }
  } catch (error) {
    seen.push((error as { code: string }).code)
  }
  return seen
}

async function write(db: Database): Promise<void> {
  for (let i = 0; i < WRITES; i++) await db.put(`key/${i}`, 'value')
  await db.put('last', 'value')
}

for (const kinds of [['serve'], ['serve', 'serve', 'serve']] as 'serve'[][]) {
  test(`all directories of ${kinds.length} are emptied: the watch ends, and nothing is written there`, {
    timeout: 120_000,
  }, async () => {
    await using cluster = await Cluster.start({ kinds })
    const client = await cluster.client()
    await client.put('before', 'old')
    const watch = client.watch({ prefix: '' })
    await watch.started()
    const seen = follow(watch)
    await Promise.all(cluster.members.map((member) => member.kill()))
    for (const member of cluster.members) rmSync(member.dataDir, { recursive: true })
    await Promise.all(cluster.members.map((member) => member.start()))
    await cluster.leader()
    await write(await cluster.client())
    expect(await seen).toEqual(['CLUSTER_MISMATCH'])
    // On a busy machine a member may take longer to answer: then the call says UNREACHABLE first.
    await eventually('the old client is told', () =>
      expect(client.put('stray', 'of the old client', { timeout: 3_000 })).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' }),
    )
    const [status] = await (await cluster.client()).status()
    expect(status?.cluster).toMatch(/^[0-9a-f]+$/)
    expect(await (await cluster.client()).get('stray')).toBeNull()
  })
}

test('one directory of three is emptied: the watch goes on and misses nothing', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start()
  const client = await cluster.client()
  const { revision } = await client.put('before', 'old')
  const watch = client.watch({ prefix: '' })
  await watch.started()
  const seen = follow(watch)
  const [loser] = cluster.members
  await loser?.kill()
  rmSync(loser?.dataDir as string, { recursive: true })
  await loser?.start()
  await write(await cluster.client())
  expect(await seen).toEqual(Array.from({ length: WRITES + 1 }, (_, i) => revision + 1 + i))
  await eventually('one identity everywhere', async () => {
    const identities = new Set((await cluster.status()).map(({ cluster: identity }) => identity))
    expect([...identities]).toEqual([expect.stringMatching(/^[0-9a-f]+$/)])
  })
})
