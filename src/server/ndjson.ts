// The exchange format of import and export: one JSON object a line, {"key": …, "value": …}.
// A key or value that is not UTF-8 stands as {"base64": "…"}, so that nothing is lost on the way out and back.
import { CommandError, Exit } from './failures.js'

export interface InputRecord {
  key: string | Uint8Array
  value: string | Uint8Array
  /** Line of the input, from 1. */
  line: number
  /** Bytes of the line: what the record weighs while it is under way. */
  bytes: number
}

/** Longest line that is read, bytes: the largest value with every byte escaped, and room for the key. */
const LINE_BYTES_MAX = 16 * 2 ** 20
const NEWLINE = 10
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** One line with its newline. */
export function formatRecord(key: Uint8Array, value: Uint8Array): string {
  return `${JSON.stringify({ key: textOrBase64(key), value: textOrBase64(value) })}\n`
}

/** The records of a stream of bytes. Throws a CommandError that names the line. */
export async function* readRecords(chunks: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<InputRecord> {
  let line = 0
  for await (const bytes of readLines(chunks, source)) {
    line++
    if (bytes.length > 0) yield parseRecord(bytes, line, source)
  }
}

function parseRecord(bytes: Uint8Array, line: number, source: string): InputRecord {
  try {
    const json: unknown = JSON.parse(strictUtf8.decode(bytes))
    if (typeof json !== 'object' || json === null) throw new Error('expected an object with key and value')
    const { key, value } = json as { [name: string]: unknown }
    return { key: field('key', key), value: field('value', value), line, bytes: bytes.length }
  } catch (error) {
    throw new CommandError(`${source}, line ${line}: ${(error as Error).message}`, Exit.USAGE)
  }
}

function field(name: string, value: unknown): string | Uint8Array {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new Error(`"${name}" has half of a surrogate pair, which no UTF-8 text can hold`)
    return value
  }
  const base64 = typeof value === 'object' && value !== null ? (value as { [name: string]: unknown })['base64'] : undefined
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64')
  throw new Error(value === undefined ? `"${name}" is missing` : `"${name}" must be a string or {"base64": "…"}`)
}

function textOrBase64(bytes: Uint8Array): string | { base64: string } {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
}

/** Lines without their ends; the last one needs none. */
async function* readLines(chunks: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = []
  let restBytes = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield trimReturn(join(rest, chunk.subarray(start, end)))
      rest = []
      restBytes = 0
      start = end + 1
    }
    if (start < chunk.length) rest.push(chunk.subarray(start))
    restBytes += chunk.length - start
    if (restBytes > LINE_BYTES_MAX) throw new CommandError(`${source}: a line is longer than ${LINE_BYTES_MAX} bytes`, Exit.USAGE)
  }
  if (restBytes > 0) yield trimReturn(join(rest, new Uint8Array()))
}

function join(rest: Uint8Array[], last: Uint8Array): Uint8Array {
  return rest.length === 0 ? last : Buffer.concat([...rest, last])
}

function trimReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === 13 ? line.subarray(0, -1) : line
}
