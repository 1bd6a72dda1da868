// Where a command reads backups from: what is named on the command line. Reads nothing itself.
import type { BackupOrigin } from '../backup/api.js'
import type { Context } from './context.js'
import { UsageError } from './failures.js'

/** A directory, files, or `-` for standard input. */
export function originOf(context: Context, paths: readonly string[]): BackupOrigin {
  if (!paths.includes('-')) return paths.length === 1 ? (paths[0] as string) : paths
  if (paths.length > 1) throw new UsageError('standard input (-) has one backup, and stands alone')
  if (context.stdin.isTTY === true) {
    throw new UsageError(
      'standard input is a terminal: pipe a backup into it, such as `rafterdb backup - | rafterdb restore - …`',
    )
  }
  return context.stdin
}
