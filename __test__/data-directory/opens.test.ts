// What an earlier version wrote is opened by this one, whole: a store that was closed, one whose process was killed, and a cluster
// of which one member got its store as a snapshot. Directories are made anew, too, so that what is kept is known to be made so.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CLUSTER_STEPS, makeCluster, makeSolo, OTHER_GROUP, openMembers, openSolo, STEPS } from './directories.js'
import { expectToGoOn, expectToHold } from './holds.js'
import { type Hashes, keep, keptVersions, unpack } from './kept.js'
import { Model } from './model.js'

/** Given by scripts/keep-data-directory.mjs: the version under which the directories made here are kept. */
const KEEP_AS = process.env['RAFTERDB_KEEP_AS']

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-kept-'))
const solo = new Model(STEPS)
const other = new Model(OTHER_GROUP)
const cluster = new Model(CLUSTER_STEPS.flat())

afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** Opens a store of one member and fails unless it holds what it should, and goes on. */
async function lookAtSolo(path: string): Promise<Hashes> {
  await using store = await openSolo(path)
  const hashes = { solo: await expectToHold(store.db, solo), other: await expectToHold(store.other, other) }
  await expectToGoOn(store.db, solo)
  await expectToGoOn(store.other, other)
  return hashes
}

/** The same for a cluster of three, whose members all hold the same. */
async function lookAtCluster(path: string): Promise<Hashes> {
  const members = await openMembers(path)
  try {
    const hash = await expectToHold(members[2]!, cluster)
    await expectToGoOn(members[0]!, cluster)
    return { cluster: hash }
  } finally {
    await Promise.all(members.map((db) => db.close()))
  }
}

describe.each(keptVersions().map((version) => [version]))('a directory of version %s', (version) => {
  const path = join(dir, version)
  let hashes: Hashes = {}

  beforeAll(() => {
    hashes = unpack(version, path)
  })

  test.each(['closed', 'killed'])('opens after it was %s', async (how) => {
    expect(await lookAtSolo(join(path, how))).toEqual({ solo: hashes['solo'], other: hashes['other'] })
  })

  test('opens in a cluster, also where a snapshot was received', async () => {
    expect(await lookAtCluster(join(path, 'cluster'))).toEqual({ cluster: hashes['cluster'] })
  })
})

test('there is a directory that was kept', () => {
  expect(keptVersions()).not.toEqual([])
})

test('a directory that is made now holds the same', async () => {
  const [made, looked] = [join(dir, 'made'), join(dir, 'looked')]
  mkdirSync(join(made, 'cluster'), { recursive: true })
  await makeSolo(made)
  expect(await makeCluster(join(made, 'cluster')), 'the third member got a snapshot').toBe(true)
  cpSync(made, looked, { recursive: true })
  const hashes = { ...(await lookAtSolo(join(looked, 'closed'))), ...(await lookAtCluster(join(looked, 'cluster'))) }
  await lookAtSolo(join(looked, 'killed'))
  if (KEEP_AS !== undefined) keep(KEEP_AS, made, hashes)
})
