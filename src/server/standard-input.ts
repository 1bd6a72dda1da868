// Reads small inputs whole, with a bound.
import type { Readable } from 'node:stream'
import { limits } from '../limits.js'
import { UsageError } from './failures.js'

/** All bytes of the stream; a UsageError above requestBytesMax. */
export async function readAll(stream: Readable): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Uint8Array | string)
    length += bytes.length
    if (length > limits.requestBytesMax) throw new UsageError(`standard input is longer than ${limits.requestBytesMax} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
