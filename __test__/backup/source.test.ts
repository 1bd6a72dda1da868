// How a backup is made of what a database tells: revisions that are compacted meanwhile, changes of one revision that come in pieces.
import { expect, test } from 'vitest'
import { runBackup } from '../../src/backup/backup.js'
import { FORMAT } from '../../src/backup/format.js'
import { verify } from '../../src/backup/verify.js'
import { BackupWriter } from '../../src/backup/writer.js'
import type { BackupSource } from '../../src/client/database/backup-source.js'
import type { RawPage } from '../../src/client/reads/read-answers.js'
import type { Taken } from '../../src/client/watch/watch.js'
import { RafterError } from '../../src/errors.js'
import { holding, MemoryStore } from './sources.js'

const compacted = () => new RafterError('COMPACTED', 'it is compacted')
const page = (revision: number): RawPage => ({ raw: new Uint8Array(0), count: 0, last: null, more: false, revision })
const event = (revision: number, key: string) => ({
  type: 'put' as const,
  revision,
  key: Buffer.from(key),
  value: Buffer.from('v'),
  version: 1,
  createRevision: revision,
})

/** A source at revision 10 whose full backups fail so many times; `takes` are what its watch tells. */
function source(failures: number, takes: Taken<'bytes'>[] = []): BackupSource & { begun: number } {
  let begun = 0
  return {
    get begun() {
      return begun
    },
    count: async () => 0,
    cluster: async () => 'c1',
    revision: async () => 12,
    async *pages() {
      begun++
      yield page(9 + begun)
      if (begun <= failures) throw compacted()
    },
    changes: () => ({
      take: async () => {
        const taken = takes.shift()
        if (taken === undefined) throw compacted()
        return taken
      },
      finish: () => {},
    }),
  }
}

const drained = async (chunks: AsyncIterable<Uint8Array>) => {
  for await (const _ of chunks);
}

test('a full backup whose revision is compacted is begun again, and given up after three times', async () => {
  const store = new MemoryStore()
  const twice = source(2)
  expect(await runBackup(twice, store, {})).toMatchObject({ kind: 'full', revision: 12 })
  expect([twice.begun, store.files.size]).toEqual([3, 1])
  const always = source(9)
  await expect(runBackup(always, new MemoryStore(), {})).rejects.toMatchObject({ code: 'COMPACTED' })
  expect(always.begun).toBe(3)
  const stream = source(1)
  await expect(runBackup(stream, drained, {})).rejects.toMatchObject({ code: 'COMPACTED' })
})

test('a backup whose history is gone is a full one', async () => {
  const store = new MemoryStore()
  await runBackup(source(0), store, {})
  expect(await runBackup(source(0), store, {})).toMatchObject({ kind: 'full' })
  expect(store.files.size).toBe(2)
})

test('a backup ends where all changes of a revision have come, and not before', async () => {
  const store = new MemoryStore()
  await runBackup(source(0), store, {})
  const takes = [
    { events: [event(11, 'a')], complete: 10 },
    { events: [event(11, 'b'), event(12, 'c')], complete: 11 },
    { events: [event(12, 'd'), event(13, 'e')], complete: 12 },
  ]
  expect(await runBackup(source(0, takes), store, {})).toMatchObject({ from: 10, revision: 12, changes: 4 })
  expect((await verify(store, {})).map(({ changes }) => changes)).toEqual([0, 4])
})

test('a revision of very many changes is written in pieces, and the backup ends after the last of them', async () => {
  const store = new MemoryStore()
  await runBackup(source(0), store, {})
  const large = (revision: number, key: string) => ({ ...event(revision, key), value: Buffer.alloc(300_000, key) })
  // The revision that is wanted is complete, and the one after it has been written in part.
  const takes = [
    { events: [large(11, 'a')], complete: 10 },
    { events: [large(12, 'b'), large(13, 'c')], complete: 11 },
    { events: [large(13, 'd')], complete: 12 },
    { events: [large(13, 'e')], complete: 13 },
  ]
  expect(await runBackup(source(0, takes), store, {})).toMatchObject({ from: 10, revision: 13, changes: 5 })
  expect((await verify(store, {})).map(({ changes }) => changes)).toEqual([0, 5])
})

test('a directory of backups of another cluster is left alone', async () => {
  const store = new MemoryStore()
  await runBackup(source(0), store, {})
  const other = { ...source(0), cluster: async () => 'c2' }
  await expect(runBackup(other, store, {})).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
})

test('whoever does not take a backup to its end has none', async () => {
  const first = async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const _ of chunks) break
  }
  await expect(runBackup(source(0), first, {})).rejects.toMatchObject({ code: 'IO' })
})

test('a frame that is missing, there twice or out of its place is damage, though each is sound', async () => {
  const id = '0123456789abcdef'.repeat(2)
  const writer = new BackupWriter(
    { format: FORMAT, id, kind: 'incremental', cluster: 'c', from: 1, parent: id, at: 1 },
    undefined,
    1,
  )
  const frames = [
    writer.begin(),
    ...['a', 'b', 'c'].map((key) => writer.changesFrame([event(2, key)])),
    writer.endFrame({ revision: 2, at: 2 }),
  ]
  const judged = (order: number[]) => verify(holding(Buffer.concat(order.map((at) => frames[at] as Uint8Array))), {})
  expect(await judged([0, 1, 2, 3, 4])).toMatchObject([{ changes: 3 }])
  for (const order of [
    [0, 1, 3, 4],
    [0, 1, 2, 2, 3, 4],
    [0, 2, 1, 3, 4],
    [0, 4],
  ]) {
    await expect(judged(order)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' })
  }
})
