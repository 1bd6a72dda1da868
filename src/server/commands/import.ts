// rafterdb import FILE: writes every record of an ndjson file, many at once
import type { Command } from 'commander'
import type { Database } from '../../client/api.js'
import { limits } from '../../limits.js'
import { BulkPut, repeat } from '../bulk-put.js'
import { openByteSource } from '../byte-source.js'
import { type ClientFlags, clientCommand, withDatabase } from '../client-command.js'
import type { Context } from '../context.js'
import { CommandError } from '../failures.js'
import { readRecords } from '../ndjson.js'
import { duration, integer } from '../parse.js'
import { formatRate, Progress } from '../progress.js'

interface ImportFlags extends ClientFlags {
  inFlight: number
  retryFor: number
  bumpRevision?: number
}

/** Bytes of records under way at once. */
const IN_FLIGHT_BYTES_MAX = 8 * 2 ** 20

export function importCommand(context: Context): Command {
  return clientCommand('import', 'write the records of an ndjson file, plain or gzip: {"key": …, "value": …} a line')
    .argument('<file>', '`-` for standard input')
    .option('--in-flight <count>', 'puts under way at once', integer(1, 65_536), 1_024)
    .option('--retry-for <time>', 'repeat a put for this long while there is no leader', duration, 60_000)
    .option(
      '--bump-revision <number>',
      "first raise the store's revision to at least this, so that every record gets a higher one: give one that is above all that the exported store ever had",
      integer(1, limits.revisionRaisedMax),
    )
    .action(async (file: string, flags: ImportFlags) => {
      const source = await openByteSource(file, context.stdin)
      await withDatabase(context, flags, async (db) => {
        const { inFlight: inFlightMax, retryFor, bumpRevision } = flags
        // Before the first record, which must come after it.
        const bumpedTo = bumpRevision === undefined ? undefined : await bump(db, bumpRevision, retryFor, context.stop)
        const progress = new Progress(context.stderr, 'import')
        const puts = new BulkPut(db, {
          inFlightMax,
          bytesMax: IN_FLIGHT_BYTES_MAX,
          retryFor,
          source: source.name,
          signal: context.stop,
        })
        try {
          for await (const record of readRecords(source.chunks, source.name)) {
            await puts.add(record)
            progress.update(puts.done, source.fraction())
          }
          await puts.finishAll()
        } catch (error) {
          // What is under way is waited for, so that the count tells the truth.
          await puts.finishAll().catch(() => {})
          await progress.end()
          throw new CommandError(`${(error as Error).message}; ${puts.done} records were imported`, exitCodeOf(error))
        }
        await progress.end()
        await report(context, flags, puts, progress.seconds, bumpedTo)
      })
    })
}

async function bump(db: Database, least: number, retryFor: number, signal: AbortSignal): Promise<number> {
  const { revision } = await repeat(() => db.raiseRevision(least, { signal }), { signal, retryFor })
  return revision
}

async function report(context: Context, flags: ImportFlags, puts: BulkPut, seconds: number, bumpedTo?: number): Promise<void> {
  const perSecond = Math.round(puts.done / Math.max(seconds, 0.001))
  if (flags.json) {
    const bumped = bumpedTo === undefined ? {} : { bumpedTo }
    const { done: imported, retries } = puts
    return context.stdout.json({ imported, seconds: Number(seconds.toFixed(3)), perSecond, retries, ...bumped })
  }
  const again = puts.retries > 0 ? `, ${puts.retries} sent again` : ''
  const after = bumpedTo === undefined ? '' : `, all above revision ${bumpedTo}`
  const count = puts.done.toLocaleString('en-US')
  return context.stdout.line(
    `${count} records imported in ${seconds.toFixed(1)} s (${formatRate(puts.done, seconds * 1_000)}${again})${after}`,
  )
}

const exitCodeOf = (error: unknown) => (error instanceof CommandError ? error.exitCode : undefined)
