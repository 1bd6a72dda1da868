// Runs a command line inside the test: fake streams in, text and exit code out.
import { Readable, Writable } from 'node:stream'
import { lastBackup, restoreBackup, verifyBackup } from '../../src/backup/api.js'
import { writeWhole } from '../../src/backup/directory.js'
import { s3Store } from '../../src/backup/s3/store.js'
import type { ConnectOptions, Database, OpenOptions } from '../../src/client/api.js'
import { forceNewCluster } from '../../src/recover/api.js'
import type { Context } from '../../src/server/context.js'
import { Output } from '../../src/server/output.js'
import { run } from '../../src/server/program.js'
import { FakeDatabase } from './fake-database.js'

export interface ShellOptions {
  db?: Database
  stdin?: string | Uint8Array
  env?: Record<string, string>
  /** stdout and stderr are terminals. */
  terminal?: boolean
  stop?: AbortSignal
  script?: string
  /** Sees what is written to stdout, as it is written. */
  onOut?: (text: string) => void
  connect?: (options: ConnectOptions) => Promise<Database>
  open?: (options: OpenOptions) => Promise<Database>
}

export interface ShellResult {
  code: number
  out: string
  err: string
  /** What `connect` was called with. */
  connected: ConnectOptions[]
}

export async function shell(args: string[], options: ShellOptions = {}): Promise<ShellResult> {
  const db = options.db ?? new FakeDatabase()
  const out: string[] = []
  const err: string[] = []
  const connected: ConnectOptions[] = []
  const env = options.env ?? {}
  const context: Context = {
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    stdout: new Output(sink(out, options.terminal, options.onOut), env),
    stderr: new Output(sink(err, options.terminal), env),
    env,
    stop: options.stop ?? new AbortController().signal,
    script: options.script ?? '',
    survive: () => {},
    kill: () => {
      throw new Error('the process would have been killed')
    },
    version: '0.1.0',
    connect: async (how) => {
      connected.push(how)
      return options.connect ? options.connect(how) : db
    },
    open: options.open ?? (async () => db),
    verifyBackup,
    restoreBackup,
    forceNewCluster,
    s3Store: async (how) => s3Store(how),
    lastBackup,
    writeWhole,
  }
  const code = await run(args, context)
  return { code, out: out.join(''), err: err.join(''), connected }
}

function sink(
  into: string[],
  isTTY = false,
  onText: (text: string) => void = () => {},
): Writable & { isTTY?: boolean; columns?: number } {
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      into.push(chunk.toString())
      onText(chunk.toString())
      done()
    },
  })
  return Object.assign(stream, isTTY ? { isTTY, columns: 80 } : {})
}
