// What a backup asks of a database: everything there is, and everything that happens. How it is kept is src/backup's.
import type { Backup, BackupOptions, BackupTarget } from '../api.js'
import type { RawPage } from '../reads/read-answers.js'
import type { Taken } from '../watch/watch.js'

export interface BackupSource {
  /** Identity of the cluster as hex digits; empty: not known yet. */
  cluster(signal?: AbortSignal): Promise<string>
  /** The store's revision, as a linearizable read sees it. */
  revision(signal?: AbortSignal): Promise<number>
  /** How many pairs there are, about. */
  count(signal?: AbortSignal): Promise<number>
  /** All pairs in the order of their keys, at one revision. */
  pages(signal?: AbortSignal): AsyncIterable<RawPage>
  /** All changes from a revision on. */
  changes(fromRevision: number, signal?: AbortSignal): Changes
}

export interface Changes {
  /** What has come since; rejects with why nothing comes any more. */
  take(): Promise<Taken<'bytes'>>
  finish(): void
}

/** Makes the backup. */
export type RunBackup = (source: BackupSource, to: BackupTarget, options: BackupOptions) => Promise<Backup>
