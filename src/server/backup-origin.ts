// Where a command reads backups from: what is named on the command line. Reads nothing itself.
import type { BackupOrigin } from '../backup/api.js'
import type { Context } from './context.js'
import { UsageError } from './failures.js'
import { type S3Flags, s3Place } from './s3-place.js'

/** A directory, files, a bucket, or `-` for standard input. */
export async function originOf(context: Context, paths: readonly string[], flags: S3Flags): Promise<BackupOrigin> {
  const alone = paths.find((path) => path === '-' || /^s3:/i.test(path)) ?? (paths[0] as string)
  if (alone === '-' && paths.length > 1) throw new UsageError('standard input (-) has one backup, and stands alone')
  if (alone === '-' && context.stdin.isTTY === true) {
    throw new UsageError(
      'standard input is a terminal: pipe a backup into it, such as `rafterdb backup - | rafterdb restore - …`',
    )
  }
  const bucket = await s3Place(context, alone, flags)
  if (bucket !== null && paths.length > 1) throw new UsageError('a bucket stands alone: it has all backups of a cluster')
  if (bucket !== null) return bucket
  if (alone === '-') return context.stdin
  return paths.length === 1 ? alone : paths
}
