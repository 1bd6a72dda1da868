// rafterdb put KEY [VALUE]
import type { Command } from 'commander'
import { type ClientFlags, clientCommand, withDatabase } from '../client-command.js'
import type { Context } from '../context.js'
import { UsageError } from '../failures.js'
import { readAll } from '../standard-input.js'

export function putCommand(context: Context): Command {
  return clientCommand('put', 'write a key; without VALUE, the value is read from standard input')
    .argument('<key>')
    .argument('[value]')
    .action(async (key: string, value: string | undefined, flags: ClientFlags) => {
      if (value === undefined && context.stdin.isTTY) throw new UsageError(`put needs a value: rafterdb put ${key} VALUE`)
      const written = value ?? (await readAll(context.stdin))
      await withDatabase(context, flags, async (db) => {
        const { revision } = await db.put(key, written, { signal: context.stop })
        await (flags.json ? context.stdout.json({ revision }) : context.stdout.line(`OK (revision ${revision})`))
      })
    })
}
