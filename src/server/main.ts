#!/usr/bin/env node
// The process of the command line: streams, signals, exit code. Everything else is in program.ts.
import { fstatSync, readFileSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'
import type { Context } from './context.js'
import { Exit } from './failures.js'
import { Output } from './output.js'
import { run } from './program.js'
import { SteadyFile } from './steady-file.js'

/** Any long time. */
const HOLD_MS = 3_600_000

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A second Ctrl-C does not wait for the end of what the first one began.
    if (stop.signal.aborted && signal === 'SIGINT') process.exit(130)
    stop.abort(signal)
  })
}
// With a channel, this process was started by `rafterdb dev`: the channel's end says that it is gone or wants this process to close.
// That may have happened before this line.
if (process.send) {
  if (process.connected) process.once('disconnect', () => stop.abort('parent'))
  else stop.abort('parent')
  process.channel?.unref()
}

/** Whether the process is there for more than its output: a member does not die of its log. */
let survives = false

/** The process's stream, or one that can fail and go on where it leads to a file. */
function standard(fd: number, own: () => NodeJS.WriteStream): Writable & { isTTY?: boolean; columns?: number } {
  let isFile = false
  try {
    const stat = fstatSync(fd)
    isFile = !isatty(fd) && (stat.isFile() || stat.isCharacterDevice())
  } catch {
    // It was closed before this process began; Node has opened something in its place.
  }
  return isFile ? new SteadyFile(fd) : own()
}

const stdout = standard(1, () => process.stdout)
const stderr = standard(2, () => process.stderr)
// Whether anybody reads what goes wrong changes nothing.
stderr.on('error', () => {})
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (survives || process.exitCode === Exit.FAILED) return
  // The reader of a pipe has left, as in `rafterdb range | head`: nothing more is wanted.
  if (error.code === 'EPIPE') process.exit()
  process.exitCode = Exit.FAILED
  stderr.write(`rafterdb: cannot write the output: ${error.message}\n`, () => process.exit(Exit.FAILED))
})
// What Node itself has to say goes by its own streams.
if (stderr !== process.stderr) process.stderr.on('error', () => {})

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

const context: Context = {
  stdin: process.stdin,
  stdout: new Output(stdout, process.env),
  stderr: new Output(stderr, process.env),
  env: process.env,
  stop: stop.signal,
  script: fileURLToPath(import.meta.url),
  version,
  survive: () => {
    survives = true
  },
  kill: () => process.kill(process.pid, 'SIGKILL'),
  connect: async (options) => (await import('../index.js')).connect(options),
  open: async (options) => (await import('../index.js')).open(options),
  verifyBackup: async (from, options) => (await import('../index.js')).verifyBackup(from, options),
  restoreBackup: async (from, options) => (await import('../index.js')).restoreBackup(from, options),
  forceNewCluster: async (options) => (await import('../index.js')).forceNewCluster(options),
  s3Store: async (options) => (await import('../index.js')).s3Store(options),
  lastBackup: async (file, options) => (await import('../backup/api.js')).lastBackup(file, options),
  writeWhole: async (file, chunks) => (await import('../backup/directory.js')).writeWhole(file, chunks),
}

// An open store does not keep a process alive; a command under way does.
const hold = setInterval(() => {}, HOLD_MS)
process.exitCode = await run(process.argv.slice(2), context)
clearInterval(hold)
