// Opens what `import` reads: a file or standard input, plain or gzip, and counts how far it is.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { UsageError } from './failures.js'

export interface ByteSource {
  /** For messages: the file's name, or `standard input`. */
  name: string
  /** The bytes, unpacked. Throws a UsageError if they cannot be read. */
  chunks: AsyncIterable<Uint8Array>
  /** Share of the file read so far, 0 to 1; undefined for standard input. */
  fraction(): number | undefined
}

/** `-` is standard input. gzip is told by its first two bytes, not by the name. */
export async function openByteSource(file: string, stdin: Readable): Promise<ByteSource> {
  if (file === '-')
    return { name: 'standard input', chunks: unpack(stdin, 'standard input', () => {}), fraction: () => undefined }
  const size = await sizeOf(file)
  let read = 0
  const count = (bytes: number) => {
    read += bytes
  }
  return {
    name: file,
    chunks: unpack(createReadStream(file, { highWaterMark: 256 * 1024 }), file, count),
    fraction: () => (size === 0 ? 1 : read / size),
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    const stats = await stat(file)
    if (stats.isDirectory()) throw new Error('it is a directory')
    return stats.size
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`)
  }
}

async function* unpack(input: Readable, name: string, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const chunks = counted(input, count)
  try {
    const first = await chunks.next()
    if (first.done) return
    const all = prepend(first.value, chunks)
    yield* isGzip(first.value) ? gunzip(all) : all
  } catch (error) {
    throw new UsageError(`cannot read ${name}: ${(error as Error).message}`)
  }
}

async function* counted(input: Readable, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk as Uint8Array | string)
    count(bytes.length)
    yield bytes
  }
}

async function* prepend(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}

const isGzip = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b

async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unpacked = new PassThrough()
  const done = pipeline(packed, createGunzip(), unpacked)
  // The reader below sees the same failure; without a handler here the process would end first.
  done.catch(() => {})
  for await (const chunk of unpacked) yield chunk as Uint8Array
  await done
}
