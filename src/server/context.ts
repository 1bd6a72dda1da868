// What a command may touch: streams, environment, and the two doors to a database. main.ts fills it for the process, tests with fakes.
// Commands know nothing else of the process, so that each can be run and checked inside a test.
import type { Readable } from 'node:stream'
import type { ConnectOptions, Database, OpenOptions } from '../client/api.js'
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
}
