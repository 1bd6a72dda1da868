// rafterdb export: writes every record as ndjson, in the format that `import` reads, all at one revision
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Command } from 'commander'
import type { Database, RangeOptions } from '../../client/api.js'
import {
  type ClientFlags,
  clientCommand,
  type ReadFlags,
  readOptionsOf,
  type SelectionFlags,
  selectionOf,
  withDatabase,
  withReadOptions,
  withSelection,
} from '../client-command.js'
import type { Context } from '../context.js'
import { counted } from '../counted.js'
import { formatRecord } from '../ndjson.js'
import { formatRate, Progress } from '../progress.js'

type ExportFlags = ClientFlags & ReadFlags & SelectionFlags & { out?: string }

/** Text gathered before it is written. */
const WRITE_CHARACTERS = 64 * 1024

export function exportCommand(context: Context): Command {
  return withReadOptions(withSelection(clientCommand('export', 'print all records, or a selection, as ndjson')))
    .option('--out <file>', 'write to this file, which appears when it is complete; gzip if it ends in .gz')
    .action(async (flags: ExportFlags) => {
      await withDatabase(context, flags, async (db) => {
        const progress = new Progress(context.stderr, 'export')
        const selection = selectionOf(flags)
        const total = context.stderr.isTerminal ? await db.count(selection, { signal: context.stop }) : 0
        let count = 0
        let revision = 0
        const onRecord = () => {
          count++
          progress.update(count, total > 0 ? count / total : undefined)
        }
        const onRevision = (readAt: number) => {
          revision = readAt
        }
        const records = readChunks(db, { ...readOptionsOf(flags, context.stop), ...selection, onRevision }, onRecord)
        await progress.during(flags.out === undefined ? print(context, records) : writeText(context, flags.out, records))
        await report(context, flags, { count, revision }, progress.seconds)
      })
    })
}

async function print({ stdout }: Context, chunks: AsyncIterable<string>): Promise<void> {
  for await (const chunk of chunks) await stdout.write(chunk)
}

/** gzip if the name ends in .gz. */
function writeText({ writeWhole }: Context, file: string, chunks: AsyncIterable<string>): Promise<void> {
  const write = (bytes: AsyncIterable<Uint8Array>) => writeWhole(file, bytes)
  return file.endsWith('.gz') ? pipeline(chunks, createGzip(), write) : write(encoded(chunks))
}

async function* encoded(chunks: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

async function* readChunks(db: Database, options: RangeOptions, onRecord: () => void): AsyncGenerator<string> {
  let text = ''
  for await (const { key, value } of db.range({ ...options, as: 'bytes' })) {
    text += formatRecord(key, value)
    onRecord()
    if (text.length < WRITE_CHARACTERS) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

/** To stderr where the records went to stdout. */
async function report(
  context: Context,
  flags: ExportFlags,
  { count, revision }: { count: number; revision: number },
  seconds: number,
): Promise<void> {
  const output = flags.out === undefined ? context.stderr : context.stdout
  const perSecond = Math.round(count / Math.max(seconds, 0.001))
  if (flags.json)
    return output.json({ exported: count, ...(revision > 0 ? { revision } : {}), seconds: Number(seconds.toFixed(3)), perSecond })
  if (flags.out === undefined && !context.stderr.isTerminal) return
  // A selection that can hold no key is not read at all.
  const at = revision > 0 ? ` at revision ${revision}` : ''
  return output.line(
    `${counted(count, 'record')} exported${at} in ${seconds.toFixed(1)} s (${formatRate(count, seconds * 1_000)})`,
  )
}
