// rafterdb compact [--revision N | --keep N]
import type { Command } from 'commander'
import type { Database } from '../../client/api.js'
import { type ClientFlags, clientCommand, withDatabase } from '../client-command.js'
import type { Context } from '../context.js'
import { CommandError, UsageError } from '../failures.js'
import { integer } from '../parse.js'

interface CompactFlags extends ClientFlags {
  revision?: number
  keep?: number
}

export function compactCommand(context: Context): Command {
  return clientCommand('compact', 'drop history that is not needed any more; without a flag, all but the present state')
    .option('--revision <number>', 'the oldest revision that can be read afterwards', integer(1))
    .option('--keep <count>', 'how many revisions before the present one to keep', integer(0))
    .addHelpText('after', '\nMembers compact by themselves too; see `serve --history`.')
    .action(async (flags: CompactFlags) => {
      if (flags.revision !== undefined && flags.keep !== undefined)
        throw new UsageError('compact takes --revision or --keep, not both')
      await withDatabase(context, flags, async (db) => {
        const to = flags.revision ?? (await present(db, context.stop)) - (flags.keep ?? 0)
        if (to < 1) throw new CommandError('there is no history older than that')
        const { revision } = await db.compact(to, { signal: context.stop })
        if (flags.json) await context.stdout.json({ revision, compactedRevision: to })
        else await context.stdout.line(`compacted to revision ${to} (revision ${revision})`)
      })
    })
}

/** The store's revision now. */
async function present(db: Database, signal: AbortSignal): Promise<number> {
  let revision = 0
  const onRevision = (at: number) => {
    revision = at
  }
  for await (const _ of db.range({ limit: 1, keysOnly: true, signal, onRevision })) break
  return revision
}
