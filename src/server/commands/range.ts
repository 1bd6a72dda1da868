// rafterdb range: lists keys and values, a page at a time, at one revision
import type { Command } from 'commander'
import type { KeyValue, RangeOptions } from '../../client/api.js'
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
import { integer } from '../parse.js'

interface RangeFlags extends ClientFlags, ReadFlags, SelectionFlags {
  limit?: number
  reverse?: boolean
  keysOnly?: boolean
}

/** Rows whose columns are aligned together on a terminal. */
const PAGE_ROWS = 256

export function rangeCommand(context: Context): Command {
  return withReadOptions(withSelection(clientCommand('range', 'list keys and values; without flags, all of them')))
    .option('--limit <count>', 'at most this many', integer(1))
    .option('--reverse', 'from the last key to the first')
    .option('--keys-only', 'leave the values out')
    .action(async (flags: RangeFlags) => {
      const options: RangeOptions = {
        ...readOptionsOf(flags, context.stop),
        ...selectionOf(flags),
        ...(flags.limit === undefined ? {} : { limit: flags.limit }),
        ...(flags.reverse ? { reverse: true } : {}),
        ...(flags.keysOnly ? { keysOnly: true } : {}),
      }
      await withDatabase(context, flags, (db) => printRange(context, flags, db.range(options)))
    })
}

async function printRange(context: Context, flags: RangeFlags, pairs: AsyncIterable<KeyValue>): Promise<void> {
  const { stdout } = context
  if (!flags.json && !flags.keysOnly && stdout.isTerminal) return printTable(context, pairs)
  for await (const pair of pairs) {
    if (flags.json) await stdout.json(flags.keysOnly ? { ...pair, value: undefined } : pair)
    else await stdout.line(flags.keysOnly ? pair.key : `${pair.key}\t${pair.value}`)
  }
}

/** Aligned columns for people: values on one line, cut at the edge of the terminal. */
async function printTable(context: Context, pairs: AsyncIterable<KeyValue>): Promise<void> {
  let page: string[][] = []
  const flush = async () => {
    if (page.length > 0) await context.stdout.table(['KEY', 'REVISION', 'VALUE'], page)
    page = []
  }
  for await (const pair of pairs) {
    const room = Math.max(16, context.stdout.columns - pair.key.length - String(pair.modRevision).length - 8)
    page.push([pair.key, String(pair.modRevision), shorten(pair.value, room)])
    if (page.length === PAGE_ROWS) await flush()
  }
  await flush()
}

function shorten(value: string, room: number): string {
  const line = JSON.stringify(value.slice(0, room + 1)).slice(1, -1).replaceAll('\\"', '"')
  return line.length > room ? `${line.slice(0, room - 1)}…` : line
}
