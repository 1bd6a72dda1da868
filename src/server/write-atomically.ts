// Writes a file that appears whole or not at all: a temporary file beside it, synced, then renamed.
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { syncDirectory } from '../backup/directory.js'
import { CommandError } from './failures.js'

/** gzip if the name ends in .gz. On failure the old file, if any, is as it was. */
export async function writeAtomically(file: string, chunks: AsyncIterable<string>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    // Opened first: a stream that opens it by itself may do so after it was removed for a source that failed at once.
    const handle = await open(temporary, 'w')
    const out = handle.createWriteStream({ flush: true })
    await (file.endsWith('.gz') ? pipeline(chunks, createGzip(), out) : pipeline(chunks, out))
    await rename(temporary, file)
    await syncDirectory(dirname(file))
  } catch (error) {
    await rm(temporary, { force: true })
    if (isSystemError(error)) throw new CommandError(`cannot write ${file}: ${error.message}`)
    throw error
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error
