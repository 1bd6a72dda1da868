// What every command that talks to a cluster shares: its flags, the connection, and how keys are selected.
import { Command } from 'commander'
import type { Database, ReadOptions, Selection } from '../client/api.js'
import type { Context } from './context.js'
import { UsageError } from './failures.js'
import { duration, endpoints, integer, oneOf } from './parse.js'

/** The members that `rafterdb dev` starts. */
export const ENDPOINTS_DEFAULT = ['127.0.0.1:7101', '127.0.0.1:7102', '127.0.0.1:7103']

export interface ClientFlags {
  endpoints?: string[]
  json?: boolean
  timeout?: number
}

export interface SelectionFlags {
  prefix?: string
  from?: string
  to?: string
}

export interface ReadFlags {
  revision?: number
  consistency?: 'linearizable' | 'serializable'
}

/** A command with the flags that all clients take. */
export function clientCommand(name: string, text: string): Command {
  return new Command(name)
    .description(text)
    .option('--endpoints <list>', 'members to talk to (default: RAFTERDB_ENDPOINTS, or those of `rafterdb dev`)', endpoints)
    .option('--timeout <time>', 'give up after this long (default: 5s)', duration)
    .option('--json', 'print JSON')
}

export function withSelection(command: Command): Command {
  return command
    .option('--prefix <prefix>', 'keys that begin with this')
    .option('--from <key>', 'first key')
    .option('--to <key>', 'first key that is too far')
}

export function withReadOptions(command: Command): Command {
  return command
    .option('--revision <number>', 'the state at this revision', integer(1))
    .option(
      '--consistency <mode>',
      'linearizable (default) or serializable: what the member asked has now',
      oneOf('linearizable', 'serializable'),
    )
}

/** Which members to talk to, from the flag, the environment or the default. */
export function chooseEndpoints(flags: ClientFlags, context: Context): string[] {
  if (flags.endpoints) return flags.endpoints
  const text = context.env['RAFTERDB_ENDPOINTS']
  if (!text) return ENDPOINTS_DEFAULT
  try {
    return endpoints(text)
  } catch (error) {
    throw new UsageError(`RAFTERDB_ENDPOINTS is invalid. ${(error as Error).message}`)
  }
}

/** Connects, works, and closes whatever happens. */
export async function withDatabase<T>(context: Context, flags: ClientFlags, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await context.connect({
    endpoints: chooseEndpoints(flags, context),
    ...(flags.timeout === undefined ? {} : { requestTimeout: flags.timeout }),
  })
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

/** The selection that the flags describe; empty: all keys. */
export function selectionOf(flags: SelectionFlags): Selection {
  const { prefix, from, to } = flags
  if (prefix !== undefined && (from !== undefined || to !== undefined)) {
    throw new UsageError('--prefix cannot be combined with --from or --to')
  }
  if (prefix !== undefined) return { prefix }
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

export function readOptionsOf(flags: ReadFlags, signal: AbortSignal): ReadOptions {
  const { revision, consistency } = flags
  return { signal, ...(revision === undefined ? {} : { revision }), ...(consistency === undefined ? {} : { consistency }) }
}
