// Stores to make backups of, a model of what is in them, and what of a backup is damaged.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BackupStore, type Database, open, type Pair, type Watch, type WatchEvent } from 'rafterdb'

/** A directory of the test's own, and how to be rid of it. */
export function scratch(name: string): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), `rafterdb-${name}-`))
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

/** What is stored under a key, as both a range and a model of the changes tell it. */
export type Row = [key: string, value: string, createRevision: number, modRevision: number, version: number]

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const rowOf = ({ key, value, createRevision, modRevision, version }: Pair<'bytes'>): Row => [
  text(key),
  text(value),
  createRevision,
  modRevision,
  version,
]

/** Everything that a database has now, or had at a revision. */
export async function rows(db: Database, revision?: number): Promise<Row[]> {
  const all: Row[] = []
  for await (const pair of db.range({ as: 'bytes', ...(revision === undefined ? {} : { revision }) })) all.push(rowOf(pair))
  return all
}

/** Every change of a database from its beginning on, to compare backups with: `at` makes them again up to a revision. */
export class Model {
  readonly #changes: WatchEvent<'bytes'>[] = []
  readonly #watch: Watch<'bytes'>
  readonly #watching: Promise<void>

  constructor(db: Database) {
    const watch = db.watch({ fromRevision: 1, as: 'bytes' })
    this.#watch = watch
    this.#watching = (async () => {
      for await (const event of watch) this.#changes.push(event)
    })()
  }

  /** The rows at a revision, once that has come. */
  async at(revision: number): Promise<Row[]> {
    while ((this.#changes.at(-1)?.revision ?? 0) < revision) await new Promise((resolve) => setTimeout(resolve, 5))
    const state = new Map<string, Row>()
    for (const event of this.#changes) {
      if (event.revision > revision) break
      const key = text(event.key)
      if (event.type === 'delete') state.delete(key)
      else state.set(key, [key, text(event.value), event.createRevision, event.revision, event.version])
    }
    return [...state.values()].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  async close(): Promise<void> {
    await this.#watch[Symbol.asyncDispose]()
    await this.#watching
  }
}

/** Writes of all kinds until it is stopped: puts, transactions of several keys, deletes of one and of many. */
export class Load {
  #isOver = false
  readonly #done: Promise<void>
  writes = 0

  constructor(
    private readonly db: Database,
    writers = 8,
    private readonly valueBytes = 200,
  ) {
    this.#done = Promise.all(Array.from({ length: writers }, (_, writer) => this.#write(writer))).then(() => {})
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#done
  }

  async #write(writer: number): Promise<void> {
    const { put, del } = await import('rafterdb')
    for (let n = writer; !this.#isOver; n += 7) {
      const key = `load/${String((n * 7_919) % 3_000).padStart(4, '0')}`
      const value = Buffer.alloc(n % this.valueBytes, n)
      if (n % 29 === 0) await this.db.delete({ prefix: key.slice(0, 7) })
      else if (n % 11 === 0) await this.db.delete(key)
      else if (n % 5 === 0)
        await this.db
          .txn()
          .then(put(key, value), put(`${key}/2`, value), del(`${key}/3`))
          .commit()
      else await this.db.put(key, value)
      this.writes++
    }
  }
}

export const embedded = (dir: string, name: string): Promise<Database> => open({ dataDir: join(dir, name) })

/** Backups in memory: what an object store would be to an app. */
export class MemoryStore implements BackupStore {
  readonly files = new Map<string, Buffer>()
  list = async () => [...this.files.keys()]
  async *read(name: string, last?: number) {
    const bytes = this.files.get(name) as Buffer
    yield bytes.subarray(last === undefined ? 0 : Math.max(0, bytes.length - last))
  }
  async write(name: string, chunks: AsyncIterable<Uint8Array>) {
    const parts: Uint8Array[] = []
    for await (const chunk of chunks) parts.push(chunk)
    this.files.set(name, Buffer.concat(parts))
  }
}

/** A store with one backup of these bytes. */
export function holding(bytes: Uint8Array): BackupStore {
  const store = new MemoryStore()
  store.files.set('judged.backup', Buffer.from(bytes))
  return store
}
