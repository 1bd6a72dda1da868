// rafterdb backup DIR: a full backup into a new directory, and from then on what has changed since
import type { Command } from 'commander'
import type { Backup, BackupOptions, BackupTarget } from '../../client/api.js'
import { shownBy } from '../backup-progress.js'
import { type ClientFlags, clientCommand, withDatabase } from '../client-command.js'
import type { Context } from '../context.js'
import { counted } from '../counted.js'
import { UsageError } from '../failures.js'
import { keyOf, withKeyFile } from '../key-file.js'
import { duration, integer } from '../parse.js'
import { Progress } from '../progress.js'
import { type S3Flags, s3Place, withS3 } from '../s3-place.js'

interface BackupFlags extends ClientFlags, S3Flags {
  out?: string
  since?: string
  full?: boolean
  follow?: boolean
  interval?: number
  keyFile?: string
  level?: number
}

const LEVEL_MAX = 19

export function backupCommand(context: Context): Command {
  return withS3(
    withKeyFile(
      clientCommand(
        'backup',
        'copy the whole cluster, while it runs; into a directory of backups, only what has changed since the last',
      ),
    ),
  )
    .argument(
      '[directory]',
      'directory of backups, made if it is not there; s3://bucket/prefix; `-`: one backup to standard output',
    )
    .option('--out <file>', 'one backup into this file instead; `-` for standard output')
    .option('--since <file>', 'with --out: only what has changed since the backup in this file')
    .option('--full', 'a full backup, although there is one that could be continued')
    .option('--follow', 'go on until Ctrl-C: whatever happens is in a backup within --interval')
    .option('--interval <time>', 'with --follow (default: 10s)', duration)
    .option('--level <number>', 'of zstd (default: 3)', integer(1, LEVEL_MAX))
    .action(async (given: string | undefined, flags: BackupFlags) => {
      const place = placeOf(context, given, flags)
      const to = (await s3Place(context, place, flags)) ?? (isOne(flags) ? target(context, place) : place)
      const progress = new Progress(context.stderr, 'backup')
      const options: BackupOptions = {
        ...(await keyOf(flags.keyFile)),
        full: flags.full,
        follow: flags.follow,
        interval: flags.interval,
        level: flags.level,
        signal: context.stop,
        // What follows has no end, and says what it has made.
        ...(flags.follow && !context.stderr.isTerminal ? {} : { onProgress: shownBy(progress) }),
      }
      if (flags.since !== undefined) options.since = await context.lastBackup(flags.since, options)
      if (flags.follow) options.onBackup = (backup) => void report(context, flags, backup)
      await withDatabase(context, flags, async (db) => {
        const backup = await progress.during(db.backup(to, options))
        if (!flags.follow) await report(context, flags, backup)
      })
    })
}

/** One backup, and not what continues others. */
const isOne = ({ out }: BackupFlags): boolean => out !== undefined

/** The directory or bucket, or what --out says. */
function placeOf({ stdout }: Context, given: string | undefined, flags: BackupFlags): string {
  if ((given === undefined) === (flags.out === undefined)) throw new UsageError('backup takes a directory or --out')
  if (given === '-') flags.out = '-'
  if (flags.since !== undefined && !isOne(flags))
    throw new UsageError('--since goes with --out; a directory has what it continues')
  if (flags.follow && isOne(flags)) throw new UsageError('--follow takes a directory: it makes one backup after the other')
  if (flags.interval !== undefined && !flags.follow) throw new UsageError('--interval goes with --follow')
  if (flags.out === '-' && stdout.isTerminal) {
    throw new UsageError('standard output is a terminal: pipe it into a file, or into `rafterdb restore - …`')
  }
  if (flags.out !== undefined && /^s3:/i.test(flags.out))
    throw new UsageError('--out takes a file; give s3://bucket/prefix without it')
  return (flags.out ?? given) as string
}

/** A file that appears whole or not at all, or standard output. */
function target(context: Context, out: string): BackupTarget {
  if (out !== '-') return (chunks) => context.writeWhole(out, chunks)
  return async (chunks) => {
    for await (const chunk of chunks) await context.stdout.write(chunk)
  }
}

/** To stderr where the backup went to stdout. */
function report(context: Context, flags: BackupFlags, backup: Backup): Promise<void> {
  const output = flags.out === '-' ? context.stderr : context.stdout
  if (flags.json) return output.json(backup)
  const { kind, pairs, changes, bytes, revision } = backup
  if (bytes === 0) return output.line(`nothing has changed since revision ${revision}`)
  const held = kind === 'full' ? counted(pairs, 'key') : counted(changes, 'change')
  return output.line(`${kind} backup to revision ${revision}: ${held}, ${counted(bytes, 'byte')}`)
}
