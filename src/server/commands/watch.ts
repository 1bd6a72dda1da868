// rafterdb watch: prints changes as they happen, until Ctrl-C
import type { Command } from 'commander'
import type { WatchEvent, WatchOptions } from '../../client/api.js'
import {
  type ClientFlags,
  clientCommand,
  type SelectionFlags,
  selectionOf,
  withDatabase,
  withSelection,
} from '../client-command.js'
import type { Context } from '../context.js'
import { isRafterError, UsageError } from '../failures.js'
import { integer } from '../parse.js'

interface WatchFlags extends ClientFlags, SelectionFlags {
  fromRevision?: number
  previous?: boolean
}

export function watchCommand(context: Context): Command {
  return withSelection(clientCommand('watch', 'print changes of a key or a selection until Ctrl-C; without either, all changes'))
    .argument('[key]')
    .option('--from-revision <number>', 'begin with this revision', integer(1))
    .option('--previous', 'print what was there before, too')
    .action(async (key: string | undefined, flags: WatchFlags) => {
      const selection = selectionOf(flags)
      if (key !== undefined && Object.keys(selection).length > 0)
        throw new UsageError('watch takes a key or a selection, not both')
      const options: WatchOptions = {
        signal: context.stop,
        ...(key === undefined ? selection : { key }),
        ...(flags.fromRevision === undefined ? {} : { fromRevision: flags.fromRevision }),
        ...(flags.previous ? { previous: true } : {}),
      }
      await withDatabase(context, flags, async (db) => {
        try {
          for await (const event of db.watch(options)) await printEvent(context, flags, event)
        } catch (error) {
          if (!(context.stop.aborted && isRafterError(error) && error.code === 'ABORTED')) throw error
        }
      })
    })
}

async function printEvent(context: Context, flags: WatchFlags, event: WatchEvent): Promise<void> {
  const { stdout } = context
  if (flags.json) return stdout.json(event)
  const verb = event.type === 'put' ? stdout.style('green', 'PUT   ') : stdout.style('red', 'DELETE')
  const before = flags.previous ? `${event.previous ? ` (was ${event.previous.value})` : ' (new)'}` : ''
  const value = event.value === undefined ? '' : ` ${event.value}`
  return stdout.line(`${event.revision} ${verb} ${event.key}${value}${before}`)
}
