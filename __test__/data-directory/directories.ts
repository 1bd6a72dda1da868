// The data directories that are kept, and how each is made: what is done in each life of it, and how the last one ends.
// Changing a step makes the kept directories wrong: add a directory beside them, under the version that makes it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, del, type OpenOptions, open, put } from 'rafterdb'
import { createRemote } from '../../src/client/database/create-database.js'
import { dial } from '../../src/native/remote.js'
import { eventually } from '../cluster/harness.js'
import { copy } from '../plane/copy.js'
import { freePorts } from '../ports.js'
import type { Step } from './model.js'

/** Versions of one key: enough for skips to earlier ones. With values so long that compacting them is worth a flush. */
const HOT: Step[] = Array.from({ length: 40 }, (_, n) => ({ do: 'put', key: 'hot', value: `${n}|`.padEnd(16 << 10, 'hot ') }))
const many = (n: number) => `many/${String(n).padStart(4, '0')}`
const MANY: Step[] = Array.from({ length: 1200 }, (_, n) => ({ do: 'put', key: many(n), value: `value ${n}` }))

/** A life that ends with a close: overwritten keys, a deleted range with something written into it, a gap of revisions. */
export const FIRST_LIFE: Step[] = [
  ...HOT,
  ...MANY,
  { do: 'txn', put: ['txn', 'both at once'], delete: many(1) },
  // More than are deleted one by one.
  { do: 'delete', prefix: 'many/0' },
  { do: 'put', key: many(500), value: 'again' },
  { do: 'compact', to: 1242 },
  { do: 'raise', to: 5000 },
  { do: 'put', key: 'after the gap', value: '\u{1f5c4} and \0' },
]

/** A life that is killed: what it did stands in the log alone. */
export const SECOND_LIFE: Step[] = [
  { do: 'put', key: 'hot', value: 'short' },
  { do: 'delete', prefix: 'many/11' },
  { do: 'put', key: many(1100), value: 'back' },
  { do: 'put', key: 'last', value: 'before the kill' },
]

export const STEPS = [...FIRST_LIFE, ...SECOND_LIFE]

/** What the other Raft group of the member is given. */
export const OTHER_GROUP: Step[] = [
  { do: 'put', key: 'group', value: 'one' },
  { do: 'put', key: 'hot', value: 'of another group' },
  { do: 'delete', prefix: 'group' },
  { do: 'put', key: 'group', value: 'one again' },
]

export async function perform(db: Database, steps: readonly Step[]): Promise<void> {
  // Puts that stand one after the other go together: as in an app they are batches.
  let puts: Promise<unknown>[] = []
  for (const step of steps) {
    if (step.do === 'put') {
      puts.push(db.put(step.key, step.value))
      continue
    }
    await Promise.all(puts)
    puts = []
    if (step.do === 'delete') await db.delete({ prefix: step.prefix })
    else if (step.do === 'raise') await db.raiseRevision(step.to)
    else if (step.do === 'compact') await db.compact(step.to)
    else
      await db
        .txn()
        .then(put(...step.put), del(step.delete))
        .commit()
  }
  await Promise.all(puts)
}

const SOLO = { memory: 32 << 20, groups: 2, history: { keep: 'all' } } satisfies Partial<OpenOptions>

/** A store of one member and two groups, opened; `other` is a client of the second group. */
export async function openSolo(dataDir: string): Promise<{ db: Database; other: Database } & AsyncDisposable> {
  const [port] = await freePorts(1)
  const db = await open({ ...SOLO, dataDir, listen: `127.0.0.1:${port}` })
  const ports: Parameters<typeof createRemote>[0]['ports'] = (endpoint, notify, lost) => dial(endpoint ?? '', notify, lost)
  const other = await createRemote({ endpoints: [`127.0.0.1:${port}`], group: 1, requestTimeout: 30_000, ports })
  const close = () => other.close().then(() => db.close())
  return { db, other, [Symbol.asyncDispose]: close }
}

/** Makes `closed` and `killed` below `path`: the same store, ended in two ways. */
export async function makeSolo(path: string): Promise<void> {
  const dataDir = join(path, 'live')
  {
    await using store = await openSolo(dataDir)
    await perform(store.db, FIRST_LIFE)
    await perform(store.other, OTHER_GROUP)
  }
  await using store = await openSolo(dataDir)
  await perform(store.db, SECOND_LIFE)
  // Every write is on the disk when it is acknowledged, so a copy of the files is what a kill leaves.
  copy(dataDir, join(path, 'killed'))
  await store[Symbol.asyncDispose]()
  copy(dataDir, join(path, 'closed'))
}

const NAMES = ['a', 'b', 'c'] as const
/** A member that is silent for longer than this is sent a snapshot, ms: ten election timeouts, and some. */
const SILENT_MS = 4000

/** Opens members of a cluster of three, on new addresses: these are not part of a directory. */
export async function openMembers(path: string, names: readonly string[] = NAMES): Promise<Database[]> {
  const ports = await freePorts(NAMES.length)
  const members = Object.fromEntries(NAMES.map((name, i) => [name, `127.0.0.1:${ports[i]}`]))
  const settings: Partial<OpenOptions> = { members, memory: 32 << 20, logRetainBytes: 0, electionTimeout: 300 }
  const rest = { history: { keep: 'all' }, requestTimeout: 30_000 } as const
  return Promise.all(names.map((name) => open({ ...settings, ...rest, name, dataDir: join(path, name) })))
}

/** What is written while all are there, while `c` is away, and after it has come back. */
export const CLUSTER_STEPS: [Step[], Step[], Step[]] = [
  [{ do: 'put', key: 'written', value: 'with all' }],
  [...HOT, { do: 'put', key: 'written', value: 'with two' }, { do: 'compact', to: 42 }],
  [{ do: 'put', key: 'written', value: 'with all again' }],
]

/** Makes the directories of three members below `path`; the last one got its store as a snapshot. Says whether it did. */
export async function makeCluster(path: string): Promise<boolean> {
  const closeAll = (databases: Database[]) => Promise.all(databases.map((db) => db.close()))
  const all = await openMembers(path)
  await perform(all[0]!, CLUSTER_STEPS[0])
  await closeAll(all)
  const two = await openMembers(path, NAMES.slice(0, 2))
  await sleep(SILENT_MS)
  await perform(two[0]!, CLUSTER_STEPS[1])
  await closeAll(two)
  const again = await openMembers(path)
  await perform(again[0]!, CLUSTER_STEPS[2])
  await eventually('the third member to have it all', async () => {
    if ((await again[2]!.get('written', { consistency: 'serializable' })) !== 'with all again') throw new Error('not yet')
  })
  await closeAll(again)
  // The store that a snapshot brought is a generation of its own.
  return /^rafterdb-store \d+ 2\n/.test(readFileSync(join(path, 'c/groups/0000/CURRENT'), 'utf8'))
}
