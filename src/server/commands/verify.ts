// rafterdb verify PATH…: reads backups from end to end; needs no cluster
import { Command } from 'commander'
import type { Backup } from '../../client/api.js'
import { originOf } from '../backup-origin.js'
import { shownBy } from '../backup-progress.js'
import type { Context } from '../context.js'
import { keyOf, withKeyFile } from '../key-file.js'
import { Progress } from '../progress.js'

export function verifyCommand(context: Context): Command {
  const command = new Command('verify').description(
    'read every byte of backups, and check that they are whole and follow on one another',
  )
  return withKeyFile(command)
    .argument('<paths...>', 'a directory of backups, files, or `-`: standard input')
    .option('--json', 'print JSON')
    .action(async (paths: string[], flags: { keyFile?: string; json?: boolean }) => {
      const progress = new Progress(context.stderr, 'verify')
      const work = context.verifyBackup(originOf(context, paths), {
        ...(await keyOf(flags.keyFile)),
        signal: context.stop,
        onProgress: shownBy(progress),
      })
      const backups = await progress.during(work)
      if (flags.json) return context.stdout.json(backups)
      return context.stdout.table(['BACKUP', 'KIND', 'REVISIONS', 'TIME', 'KEYS', 'CHANGES', 'BYTES'], backups.map(rowOf))
    })
}

function rowOf({ name, kind, from, revision, at, pairs, changes, bytes }: Backup): string[] {
  const revisions = kind === 'full' ? `${revision}` : `${from + 1} to ${revision}`
  return [name ?? '', kind, revisions, new Date(at).toISOString(), `${pairs}`, `${changes}`, `${bytes}`]
}
