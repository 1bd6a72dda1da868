// rafterdb restore PATH… --data-dir DIR: the data directory of a member of a new cluster, out of backups
import { Command, InvalidArgumentError } from 'commander'
import type { Founder } from '../../client/api.js'
import { limits } from '../../limits.js'
import { originOf } from '../backup-origin.js'
import { shownBy } from '../backup-progress.js'
import type { Context } from '../context.js'
import { counted } from '../counted.js'
import { keyOf, withKeyFile } from '../key-file.js'
import { integer, members } from '../parse.js'
import { Progress } from '../progress.js'
import { type S3Flags, withS3 } from '../s3-place.js'

interface RestoreFlags extends S3Flags {
  dataDir: string
  name?: string
  members?: Record<string, string | Founder>
  groups?: number
  revision?: number
  time?: number
  bumpRevision?: number
  keyFile?: string
  json?: boolean
}

export function restoreCommand(context: Context): Command {
  const command = new Command('restore').description(
    'make the data directory of a member of a new cluster out of backups; then start it with `serve`',
  )
  return withS3(withKeyFile(command))
    .argument(
      '<paths...>',
      'a directory of backups, or s3://bucket/prefix; or files: a full one and those that continue it; or `-`: standard input',
    )
    .requiredOption('--data-dir <dir>', 'the new data directory: empty, or not there')
    .option('--name <name>', "this member's name, as for `serve`")
    .option('--members <list>', 'all members of the new cluster, as for `serve`; restore each from the same backups', members)
    .option('--groups <number>', 'Raft groups, as for `serve`', integer(1, limits.groupsMax))
    .option('--revision <number>', 'the state at this revision (default: the newest)', integer(1))
    .option('--time <time>', 'the state at this time, such as 2026-11-30T05:00:00Z', time)
    .option(
      '--bump-revision <number>',
      'the new revision is at least this (default: 1000000000 above that of the backups)',
      integer(1),
    )
    .option('--json', 'print JSON')
    .action(async (paths: string[], flags: RestoreFlags) => {
      const { dataDir, name, members: list, groups, revision, time: at, bumpRevision: raiseTo } = flags
      const progress = new Progress(context.stderr, 'restore')
      const work = context.restoreBackup(await originOf(context, paths, flags), {
        ...(await keyOf(flags.keyFile)),
        dataDir,
        name,
        members: list,
        groups,
        revision,
        time: at,
        raiseTo,
        signal: context.stop,
        onProgress: shownBy(progress),
      })
      const restored = await progress.during(work)
      if (flags.json) return context.stdout.json(restored)
      const { pairs, changes, restoredRevision, revision: now } = restored
      const held = `${counted(pairs, 'key')} and ${counted(changes, 'change')}`
      return context.stdout.line(
        `${dataDir} has the state of revision ${restoredRevision} (${held} read); revisions go on from ${now}`,
      )
    })
}

/** Milliseconds since 1970. */
function time(text: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new InvalidArgumentError('It must be a time such as 2026-11-30T05:00:00Z.')
  return at
}
