// rafterdb del KEY, or a selection of keys
import type { Command } from 'commander'
import {
  type ClientFlags,
  clientCommand,
  type SelectionFlags,
  selectionOf,
  withDatabase,
  withSelection,
} from '../client-command.js'
import type { Context } from '../context.js'
import { UsageError } from '../failures.js'

export function delCommand(context: Context): Command {
  return withSelection(clientCommand('del', 'delete a key, or all keys of a selection'))
    .argument('[key]')
    .action(async (key: string | undefined, flags: ClientFlags & SelectionFlags) => {
      const isSelection = flags.prefix !== undefined || flags.from !== undefined || flags.to !== undefined
      if (key === undefined && !isSelection) throw new UsageError('del needs a key, --prefix, or --from and --to')
      if (key !== undefined && isSelection) throw new UsageError('del takes a key or a selection, not both')
      await withDatabase(context, flags, async (db) => {
        const { revision, deleted } = await db.delete(key ?? selectionOf(flags), { signal: context.stop })
        if (flags.json) await context.stdout.json({ revision, deleted })
        else await context.stdout.line(`${deleted} deleted (revision ${revision})`)
      })
    })
}
