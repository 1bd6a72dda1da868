// Writes a file that appears whole or not at all: a temporary file beside it, synced, then renamed.
import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { CommandError } from './failures.js'

/** gzip if the name ends in .gz. On failure the old file, if any, is as it was. */
export async function writeAtomically(file: string, chunks: AsyncIterable<string>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    const out = createWriteStream(temporary, { flush: true })
    await (file.endsWith('.gz') ? pipeline(chunks, createGzip(), out) : pipeline(chunks, out))
    await rename(temporary, file)
    await syncDirectory(dirname(file))
  } catch (error) {
    await rm(temporary, { force: true })
    if (isSystemError(error)) throw new CommandError(`cannot write ${file}: ${error.message}`)
    throw error
  }
}

/** The rename is durable when the directory is. Windows has no such call. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error
