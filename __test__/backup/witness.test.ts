// Goal: a witness has nothing to back up, and whoever asks it for a backup gets one all the same, of the members with data: the app that has
// it in its process, and a client that knows nobody else.
import { join } from 'node:path'
import { open, restoreBackup, verifyBackup } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { rafterdb } from '../cluster/command.js'
import { Cluster, eventually, Member } from '../cluster/harness.js'
import { freePorts } from '../ports.js'
import { rows, scratch } from './sources.js'

const { dir, remove } = scratch('backup-witness')
afterAll(remove)

test('a backup that a witness is asked for is made of a member with data', { timeout: 120_000 }, async () => {
  await using cluster = await Cluster.start({ kinds: ['serve', 'serve', 'serve'] })
  const db = await cluster.client()
  for (let i = 0; i < 100; i++) await db.put(`key/${i}`, `value ${i}`)
  const [port] = await freePorts(1)
  const endpoint = `127.0.0.1:${port}`
  const w = new Member('w', 'child', endpoint, cluster.dir, {
    ...{ name: 'w', listen: endpoint, join: cluster.endpoints, witness: true },
  })
  await w.start()
  cluster.members.push(w)
  const backups = join(dir, 'backups')
  expect(await w.running().call('backup', backups)).toMatchObject({ kind: 'full', pairs: 100 })
  await db.put('last', 'of all')
  // Whoever led may have been the one that was asked.
  await (await cluster.leader()).kill()
  await eventually('another leader', () => db.put('later', 'still'))
  expect(await w.running().call('backup', backups)).toMatchObject({ kind: 'incremental' })
  await db.put('by way of', 'the witness')
  expect(await rafterdb(['backup', backups, '--endpoints', endpoint])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^incremental/),
  })
  expect(await verifyBackup(backups)).toHaveLength(3)
  const wanted = await rows(db)
  expect(wanted).toHaveLength(103)
  const members = { a: 'h:1', b: 'h:2', w: { endpoint: 'h:3', witness: true } }
  await expect(restoreBackup(backups, { dataDir: join(dir, 'w'), name: 'w', members })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/w is a witness, and has nothing to restore/),
  })
  await restoreBackup(backups, { dataDir: join(dir, 'restored') })
  const restored = await open({ dataDir: join(dir, 'restored'), log: 'off' })
  expect(await rows(restored)).toEqual(wanted)
  await restored.close()
})
