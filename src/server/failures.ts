// How a command fails: one clear line on stderr and an exit code. Knows nothing of single commands.

import { escaped } from '../client/text/escape.js'
import type { ErrorCode } from '../codes.js'
import { RafterError } from '../errors.js'

/** Exit codes, as the README lists them. */
export const Exit = {
  OK: 0,
  /** The operation failed, or what was asked for is not there. */
  FAILED: 1,
  /** The flags, the configuration or the input cannot be used. */
  USAGE: 2,
  /** No member answers. */
  UNREACHABLE: 3,
} as const

/** A failure with a message for people, and the exit code that scripts see. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  constructor(
    message: string,
    readonly exitCode: number = Exit.FAILED,
  ) {
    super(message)
  }
}

/** The flags, the configuration or the input cannot be used. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(message, Exit.USAGE)
  }
}

/** What to do next, where the database's own message cannot know that it speaks to someone at a shell. */
const hints: Partial<Record<ErrorCode, string>> = {
  UNREACHABLE: 'start a cluster with `rafterdb dev`, or pass --endpoints',
  NO_LEADER: 'see `rafterdb status`; most of the members must be up',
  TIMEOUT: 'see `rafterdb status`, or pass a longer --timeout',
  QUORUM_AT_RISK: 'see `rafterdb status`; --force does it all the same',
  PORT_IN_USE: 'stop what listens there, or choose another address',
  DATA_DIR_LOCKED: 'stop the other process, or choose another --data-dir',
}

/** One line for people, and the exit code. */
export function describeFailure(error: unknown): { line: string; exitCode: number } {
  if (error instanceof CommandError) return { line: oneLine(error.message), exitCode: error.exitCode }
  if (isRafterError(error)) {
    const hint = hints[error.code]
    const line = `${oneLine(error.message)}${hint ? `; ${hint}` : ''} (${error.code})`
    return { line, exitCode: error.code === 'UNREACHABLE' ? Exit.UNREACHABLE : Exit.FAILED }
  }
  return { line: oneLine(error instanceof Error ? error.message : String(error)), exitCode: Exit.FAILED }
}

export function isRafterError(error: unknown): error is RafterError {
  return error instanceof RafterError
}

function oneLine(text: string): string {
  return escaped(text.trim().replace(/\s*\n\s*/g, ' '))
}
