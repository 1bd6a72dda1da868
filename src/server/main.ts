#!/usr/bin/env node
// The process of the command line: streams, signals, exit code. Everything else is in program.ts.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Context } from './context.js'
import { Output } from './output.js'
import { run } from './program.js'

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

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of a pipe has left, as in `rafterdb range | head`: nothing more is wanted.
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

const context: Context = {
  stdin: process.stdin,
  stdout: new Output(process.stdout, process.env),
  stderr: new Output(process.stderr, process.env),
  env: process.env,
  stop: stop.signal,
  script: fileURLToPath(import.meta.url),
  version,
  kill: () => process.kill(process.pid, 'SIGKILL'),
  connect: async (options) => (await import('../index.js')).connect(options),
  open: async (options) => (await import('../index.js')).open(options),
}

// An open store does not keep a process alive; a command under way does.
const hold = setInterval(() => {}, HOLD_MS)
process.exitCode = await run(process.argv.slice(2), context)
clearInterval(hold)
