// rafterdb import FILE: writes every record of an ndjson file, many at once
import type { Command } from 'commander'
import { BulkPut } from '../bulk-put.js'
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
}

/** Bytes of records under way at once. */
const IN_FLIGHT_BYTES_MAX = 8 * 2 ** 20

export function importCommand(context: Context): Command {
  return clientCommand('import', 'write the records of an ndjson file, plain or gzip: {"key": …, "value": …} a line')
    .argument('<file>', '`-` for standard input')
    .option('--in-flight <count>', 'puts under way at once', integer(1, 65_536), 1_024)
    .option('--retry-for <time>', 'repeat a put for this long while there is no leader', duration, 60_000)
    .action(async (file: string, flags: ImportFlags) => {
      const source = await openByteSource(file, context.stdin)
      await withDatabase(context, flags, async (db) => {
        const progress = new Progress(context.stderr, 'import')
        const { inFlight: inFlightMax, retryFor } = flags
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
        await report(context, flags, puts, progress.seconds)
      })
    })
}

async function report(context: Context, flags: ImportFlags, puts: BulkPut, seconds: number): Promise<void> {
  const perSecond = Math.round(puts.done / Math.max(seconds, 0.001))
  if (flags.json)
    return context.stdout.json({ imported: puts.done, seconds: Number(seconds.toFixed(3)), perSecond, retries: puts.retries })
  const again = puts.retries > 0 ? `, ${puts.retries} sent again` : ''
  const count = puts.done.toLocaleString('en-US')
  return context.stdout.line(
    `${count} records imported in ${seconds.toFixed(1)} s (${formatRate(puts.done, seconds * 1_000)}${again})`,
  )
}

const exitCodeOf = (error: unknown) => (error instanceof CommandError ? error.exitCode : undefined)
