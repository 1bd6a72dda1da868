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
/** Room that a value gets however long its key is. */
const VALUE_COLUMNS_MIN = 16

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

/** Aligned columns for people: each pair on one line, values cut at the edge of the terminal. */
async function printTable(context: Context, pairs: AsyncIterable<KeyValue>): Promise<void> {
  let page: KeyValue[] = []
  const flush = async () => {
    if (page.length > 0) await context.stdout.table(['KEY', 'REVISION', 'VALUE'], tableRows(page, context.stdout.columns))
    page = []
  }
  for await (const pair of pairs) {
    page.push(pair)
    if (page.length === PAGE_ROWS) await flush()
  }
  await flush()
}

function tableRows(pairs: KeyValue[], columns: number): string[][] {
  const keys = pairs.map((pair) => escapeControls(pair.key))
  const revisions = pairs.map((pair) => String(pair.modRevision))
  const taken =
    Math.max('KEY'.length, ...keys.map((key) => key.length)) +
    Math.max('REVISION'.length, ...revisions.map((text) => text.length)) +
    4
  const room = Math.max(VALUE_COLUMNS_MIN, columns - taken)
  return pairs.map((pair, row) => [keys[row] ?? '', revisions[row] ?? '', shorten(pair.value, room)])
}

function shorten(value: string, room: number): string {
  const line = escapeControls(value.slice(0, room + 1))
  return line.length > room ? `${line.slice(0, room - 1)}…` : line
}

/** Line breaks and escape sequences as JSON writes them: what is stored must not steer the terminal. */
const escapeControls = (text: string) => JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')
