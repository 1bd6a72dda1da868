// 64 Raft groups in each of three members: every group elects, takes a write and serves it; also after a restart of all.
// A client follows the leader of its own group, wherever others are led.
import type { Database } from 'rafterdb'
import { expect, test } from 'vitest'
import { createRemote } from '../../src/client/database/create-database.js'
import { dial } from '../../src/native/remote.js'
import { Cluster, eventually, PATIENCE_MS } from './harness.js'

const GROUPS = 64

/** A client of one group. */
function connectTo(cluster: Cluster, group: number): Promise<Database> {
  return eventually(`group ${group}`, () =>
    createRemote({
      ...{ endpoints: cluster.endpoints, group, requestTimeout: PATIENCE_MS },
      ports: (endpoint, notify, lost) => dial(endpoint ?? '', notify, lost),
    }),
  )
}

test(`${GROUPS} groups elect and serve`, { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ options: { groups: GROUPS, memory: 256 << 20 } })
  const groups = Array.from({ length: GROUPS }, (_, group) => group)
  await Promise.all(
    groups.map(async (group) => {
      await using db = await connectTo(cluster, group)
      await db.put('group', String(group))
      expect(await db.get('group')).toBe(String(group))
      expect(await db.count()).toBe(1)
    }),
  )
  for (const group of [1, 2, 3]) {
    await using db = await connectTo(cluster, group)
    const name = cluster.members[group % 3]!.name
    await db.transferLeader(name)
    await db.put('led by', name)
    expect((await db.status()).find(({ role }) => role === 'leader')?.name).toBe(name)
  }
  await Promise.all(cluster.members.map((member) => member.kill()))
  await Promise.all(cluster.members.map((member) => member.start()))
  await Promise.all(
    groups.map(async (group) => {
      await using db = await connectTo(cluster, group)
      expect(await db.get('group')).toBe(String(group))
    }),
  )
})
