// What apps call of this folder besides `Database.backup`. Loads the rest, and the native side, when it is wanted.
import type { Backup } from '../client/api.js'
import type { BackupOrigin } from './origin.js'
import type { Restored, RestoreOptions } from './restore.js'
import type { VerifyOptions } from './verify.js'

export type { BackupOrigin } from './origin.js'
export type { Restored, RestoreOptions } from './restore.js'
export type { VerifyOptions } from './verify.js'

/**
 * Reads every byte of every backup, and checks that those that continue others find them. Needs no cluster. Resolves to them, the newest
 * last. Rejects with the first fault, which names the file: BACKUP_TRUNCATED, BACKUP_DAMAGED, BACKUP_KEY_WRONG, BACKUP_CHAIN_BROKEN
 * (also: there is none), FORMAT_NEWER, IO, ABORTED. A single file may continue another that is not given.
 */
export async function verifyBackup(from: BackupOrigin, options: VerifyOptions = {}): Promise<Backup[]> {
  return (await import('./verify.js')).verify(from, options)
}

/**
 * Makes a data directory that `open`, or `rafterdb serve`, begins a new cluster with: a store of one member, or one of several, each of
 * which is given a directory that was restored from the same backups. Keys, values, create and mod revisions and versions are as they
 * were, and so is the history from the full backup on; sessions and watches of the old cluster mean nothing to the new one. If it fails
 * or is aborted nothing is left; what a killed process leaves, no member opens, and the next restore into it begins anew.
 * Errors: those of `verifyBackup`, of all that is read; FUTURE_REVISION and COMPACTED for a revision or time that the backups have not;
 * CLUSTER_MISMATCH if they are of two clusters; DATA_DIR_MISMATCH if there is something in the directory; DATA_DIR_LOCKED, INVALID_ARGUMENT, MEMBER_UNKNOWN, DISK_FULL, IO, ABORTED.
 */
export async function restoreBackup(from: BackupOrigin, options: RestoreOptions): Promise<Restored> {
  return (await import('./restore.js')).restore(from, options)
}

/** What a file says of the backup in it: for `since`. Errors as of `verifyBackup`; only its ends are read. */
export async function lastBackup(file: string, options: VerifyOptions): Promise<Backup> {
  const [{ findBackups }, { filesStore }] = await Promise.all([import('./chain.js'), import('./directory.js')])
  return (await findBackups(filesStore([file]), options.key))[0] as Backup
}
