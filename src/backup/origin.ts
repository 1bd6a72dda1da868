// Where backups are read from, whatever it is: which there are, and each from its beginning. Judges nothing of what is in them.
import type { BackupStore } from '../client/api.js'
import { RafterError } from '../errors.js'
import { type Found, findBackups } from './chain.js'
import { filesStore, storeOf } from './directory.js'
import { type OpenBackup, openBackup } from './reader.js'

/**
 * What says where backups are: a directory or a file, several files, a store; or the bytes of one backup as they come, such as
 * `process.stdin`, which are read once and never kept.
 */
export type BackupOrigin = string | readonly string[] | BackupStore | AsyncIterable<Uint8Array>

export interface Origin {
  /** All of them, the newest last. Of bytes that come nobody knows how many pairs there will be: 0. */
  readonly all: readonly Found[]
  /** Reads one from its beginning; bytes that come, once. `count` is told how many were read. */
  open(name: string, count?: (bytes: number) => void): Promise<OpenBackup>
  /** Nobody reads any more. */
  close(): Promise<void>
}

/** How messages call bytes that come. */
const STREAM = 'the stream'

/** Errors as of `findBackups`. */
export async function originOf(from: BackupOrigin, key: Uint8Array | undefined): Promise<Origin> {
  if (typeof from === 'string') return ofStore(await storeOf(from), key)
  if (Array.isArray(from)) return ofStore(filesStore(from as string[]), key)
  if (Symbol.asyncIterator in from) return ofBytes(from as AsyncIterable<Uint8Array>, key)
  return ofStore(from as BackupStore, key)
}

async function ofStore(store: BackupStore, key: Uint8Array | undefined): Promise<Origin> {
  return {
    all: await findBackups(store, key),
    open: (name, count = () => {}) => openBackup(counted(store.read(name), count), name, key),
    close: async () => {},
  }
}

async function ofBytes(chunks: AsyncIterable<Uint8Array>, key: Uint8Array | undefined): Promise<Origin> {
  let [size, count]: [number, (bytes: number) => void] = [0, () => {}]
  const bytes = counted(chunks, (read) => {
    size += read
    count(read)
  })
  const backup = await openBackup(bytes, STREAM, key)
  const { id, kind, cluster, from, parent, at } = backup.header
  const held = { pairs: 0, changes: 0, bytes: 0 }
  let isRead = false
  return {
    all: [{ id, kind, name: STREAM, cluster, from, revision: from, at, parent, ...held }],
    async open(_name, tell = () => {}) {
      if (isRead) throw new RafterError('INTERNAL', 'bytes that come are read once')
      isRead = true
      tell(size)
      count = tell
      return backup
    },
    close: async () => {
      await bytes.return(undefined)
    },
  }
}

async function* counted(chunks: AsyncIterable<Uint8Array>, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    count(chunk.length)
    yield chunk
  }
}
