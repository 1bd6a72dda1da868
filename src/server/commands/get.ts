// rafterdb get KEY
import type { Command } from 'commander'
import {
  type ClientFlags,
  clientCommand,
  type ReadFlags,
  readOptionsOf,
  withDatabase,
  withReadOptions,
} from '../client-command.js'
import type { Context } from '../context.js'
import { CommandError } from '../failures.js'

export function getCommand(context: Context): Command {
  return withReadOptions(clientCommand('get', 'print the value of a key; exit code 1 if there is none'))
    .argument('<key>')
    .action(async (key: string, flags: ClientFlags & ReadFlags) => {
      await withDatabase(context, flags, async (db) => {
        const options = readOptionsOf(flags, context.stop)
        if (flags.json) await context.stdout.json(await db.getPair(key, options))
        else {
          const value = await db.get(key, { ...options, as: 'bytes' })
          if (value === null) throw new CommandError(`no such key: ${key}`)
          await context.stdout.write(value)
          await context.stdout.line()
        }
      })
    })
}
