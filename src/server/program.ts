// The command line as a whole: its commands, and how every failure becomes one line and an exit code.
import { Command, CommanderError } from 'commander'
import { backupCommand } from './commands/backup.js'
import { compactCommand } from './commands/compact.js'
import { delCommand } from './commands/del.js'
import { devCommand } from './commands/dev.js'
import { exportCommand } from './commands/export.js'
import { getCommand } from './commands/get.js'
import { importCommand } from './commands/import.js'
import { memberCommand } from './commands/member.js'
import { putCommand } from './commands/put.js'
import { rangeCommand } from './commands/range.js'
import { recoverCommand } from './commands/recover.js'
import { restoreCommand } from './commands/restore.js'
import { serveCommand } from './commands/serve.js'
import { statusCommand } from './commands/status.js'
import { txnCommand } from './commands/txn.js'
import { verifyCommand } from './commands/verify.js'
import { watchCommand } from './commands/watch.js'
import type { Context } from './context.js'
import { describeFailure, Exit } from './failures.js'

/** Exit code of a process that Ctrl-C ended, as shells count: 128 + SIGINT. */
const INTERRUPTED = 130

const commands = [
  devCommand,
  serveCommand,
  statusCommand,
  memberCommand,
  putCommand,
  getCommand,
  delCommand,
  rangeCommand,
  txnCommand,
  watchCommand,
  importCommand,
  exportCommand,
  compactCommand,
  backupCommand,
  verifyCommand,
  restoreCommand,
  recoverCommand,
]

/** Runs one command line (without node and script) and returns the exit code. Never throws. */
export async function run(args: string[], context: Context): Promise<number> {
  const program = createProgram(context)
  try {
    await program.parseAsync(args, { from: 'user' })
    return Exit.OK
  } catch (error) {
    // commander has already printed its line.
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.OK : Exit.USAGE
    const { line, exitCode } = describeFailure(error)
    if (context.stop.aborted && exitCode === Exit.FAILED && line.endsWith('(ABORTED)')) return INTERRUPTED
    await context.stderr.line(`rafterdb: ${line}`)
    return exitCode
  }
}

function createProgram(context: Context): Command {
  const program = new Command('rafterdb')
    .description('A strongly consistent, replicated key-value store.')
    .version(context.version, '--version', 'print the version')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed or not found, 2 wrong usage or input, 3 no member answers.')
  for (const create of commands) program.addCommand(create(context))
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: (text, write) => write(`rafterdb: ${oneLine(text)}\n`),
    })
  }
  return program
}

/** commander puts its suggestion on a second line; here a failure is one line. */
function oneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')
}
