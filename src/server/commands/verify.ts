// rafterdb verify PATH…: reads backups from end to end; needs no cluster
import { Command } from 'commander'
import type { Backup } from '../../client/api.js'
import { originOf } from '../backup-origin.js'
import { shownBy } from '../backup-progress.js'
import type { Context } from '../context.js'
import { keyOf, withKeyFile } from '../key-file.js'
import { Progress } from '../progress.js'
import { type S3Flags, withS3 } from '../s3-place.js'

export function verifyCommand(context: Context): Command {
  const command = new Command('verify').description(
    'read every byte of backups, and check that they are whole and follow on one another',
  )
  return withS3(withKeyFile(command))
    .argument('<paths...>', 'a directory of backups, s3://bucket/prefix, files, or `-`: standard input')
    .option('--json', 'print JSON')
    .action(async (paths: string[], flags: S3Flags & { keyFile?: string; json?: boolean }) => {
      const progress = new Progress(context.stderr, 'verify')
      const work = context.verifyBackup(await originOf(context, paths, flags), {
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
