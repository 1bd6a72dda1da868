// What a command may touch: streams, environment, the doors to a database, to backups, and to a closed directory. main.ts fills it for the process, tests with fakes.
// Commands know nothing else of the process, so that each can be run and checked inside a test.
import type { Readable } from 'node:stream'
import type { BackupOrigin, Restored, RestoreOptions, VerifyOptions } from '../backup/api.js'
import type { S3StoreOptions } from '../backup/s3/store.js'
import type { Backup, BackupStore, ConnectOptions, Database, OpenOptions } from '../client/api.js'
import type { ForcedCluster, ForceOptions } from '../recover/api.js'
import type { Output } from './output.js'

export interface Context {
  stdin: Readable & { isTTY?: boolean }
  stdout: Output
  stderr: Output
  env: Record<string, string | undefined>
  /** Aborted by the first SIGINT or SIGTERM, and when the process that started this one is gone. */
  stop: AbortSignal
  /** The script that `dev` runs once for each member. */
  script: string
  version: string
  /** From now on the process goes on when its output cannot be written: nobody reads it, or the disk is full. */
  survive(): void
  /** Ends the process at once, as a signal from outside would. */
  kill(): void
  connect(options: ConnectOptions): Promise<Database>
  open(options: OpenOptions): Promise<Database>
  verifyBackup(from: BackupOrigin, options: VerifyOptions): Promise<Backup[]>
  restoreBackup(from: BackupOrigin, options: RestoreOptions): Promise<Restored>
  forceNewCluster(options: ForceOptions): Promise<ForcedCluster>
  /** Backups in a bucket. */
  s3Store(options: S3StoreOptions): Promise<BackupStore>
  /** What a file says of the backup in it. */
  lastBackup(file: string, options: VerifyOptions): Promise<Backup>
  /** Writes a file that appears whole or not at all. */
  writeWhole(file: string, chunks: AsyncIterable<Uint8Array>): Promise<void>
}
