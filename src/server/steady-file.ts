// Writes to a file that may be full, or whose disk may fail, now and again later: nothing of it is kept, and nothing throws.
// A stream of Node's is of no use after its first failure, or keeps all that follows in memory.
import { writeSync } from 'node:fs'
import { Writable } from 'node:stream'

/** Writes all of `chunk`; the error if that cannot be done. */
export function writeWhole(fd: number, chunk: Uint8Array): Error | null {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at)
    return null
  } catch (error) {
    return error as Error
  }
}

/** The same as a stream: a failure is told to the callback of its `write`, and the next write is tried all the same. */
export class SteadyFile extends Writable {
  constructor(private readonly fd: number) {
    super({ decodeStrings: true, autoDestroy: false })
  }

  override write(chunk: unknown, encoding?: unknown, done?: unknown): boolean {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array)
    const error = writeWhole(this.fd, bytes)
    const callback = typeof encoding === 'function' ? encoding : done
    if (typeof callback === 'function') process.nextTick(callback, error)
    if (error !== null) process.nextTick(() => this.emit('error', error))
    return true
  }
}
