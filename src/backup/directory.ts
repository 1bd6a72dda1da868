// Backups as files of a directory, or a list of files by their paths: each whole or not there at all. Knows nothing of what is in them.
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { BackupStore } from '../client/api.js'
import { RafterError } from '../errors.js'
import { faultPoint } from '../native/fault.js'

/** How the name of a backup ends. */
export const SUFFIX = '.backup'
/** What is being written ends so, and counts for nothing. */
const UNFINISHED = '.unfinished'
/** What is older was left by a process that was killed. */
const LEFT_MS = 24 * 3_600_000
const READ_BYTES = 256 * 1024

/** The store that `path` is: a directory, made if it is not there. */
export function directoryStore(path: string): BackupStore {
  return {
    list: () => failed('list', path, () => list(path)),
    read: (name, last) => readFile(join(path, name), last),
    write: async (name, chunks) => {
      await failed('make', path, () => mkdir(path, { recursive: true }))
      await writeWhole(join(path, name), chunks)
    },
  }
}

/** Some files as a store to read from. */
export function filesStore(paths: readonly string[]): BackupStore {
  return {
    list: () => Promise.resolve([...paths]),
    read: readFile,
    write: () => Promise.reject(new RafterError('INVALID_ARGUMENT', 'files are only read')),
  }
}

/** A directory or a file, as a store to read from. IO. */
export async function storeOf(path: string): Promise<BackupStore> {
  const { isDirectory } = await failed('read', path, async () => {
    const found = await stat(path)
    return { isDirectory: found.isDirectory() }
  })
  return isDirectory ? directoryStore(path) : filesStore([path])
}

async function list(path: string): Promise<string[]> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  for (const name of names.filter((each) => each.endsWith(UNFINISHED))) {
    const { mtimeMs } = await stat(join(path, name)).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > LEFT_MS) await rm(join(path, name), { force: true })
  }
  return names.filter((name) => name.endsWith(SUFFIX)).sort()
}

async function* readFile(path: string, last?: number): AsyncGenerator<Uint8Array> {
  const start = last === undefined ? 0 : Math.max(0, (await failed('read', path, () => stat(path))).size - last)
  const stream = createReadStream(path, { start, highWaterMark: READ_BYTES })
  try {
    for await (const chunk of stream) yield chunk as Uint8Array
  } catch (error) {
    throw failure('read', path, error)
  } finally {
    stream.destroy()
  }
}

/** Writes a file that appears whole or not at all: synced under another name, then renamed. IO, DISK_FULL, or what `chunks` throws. */
export async function writeWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const unfinished = join(dirname(path), `${basename(path)}.${process.pid}${UNFINISHED}`)
  const write = <T>(work: () => Promise<T>) => failed('write', path, work)
  const file = await write(() => open(unfinished, 'w'))
  try {
    faultPoint('backup.begun')
    for await (const chunk of chunks) {
      faultPoint('backup.write')
      await write(() => file.writeFile(chunk))
    }
    faultPoint('backup.written')
    await write(() => file.sync())
    await file.close()
    faultPoint('backup.synced')
    await write(() => rename(unfinished, path))
    faultPoint('backup.named')
    await write(() => syncDirectory(dirname(path)))
  } catch (error) {
    await file.close().catch(() => {})
    await rm(unfinished, { force: true })
    throw error
  }
}

/** The rename is durable when the directory is. Windows has no such call. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function failed<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw failure(what, path, error)
  }
}

function failure(what: string, path: string, error: unknown): RafterError {
  const { code, message } = error as NodeJS.ErrnoException
  return new RafterError(code === 'ENOSPC' ? 'DISK_FULL' : 'IO', `cannot ${what} ${path}: ${message}`, { cause: error })
}
