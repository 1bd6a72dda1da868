// Where the lines of a member in this process go: to the app, to stderr, or nowhere. A closed or full stderr never ends the app.
import { writeSync } from 'node:fs'
import { RafterError } from '../../errors.js'
import type { LogLevel, OpenOptions } from '../api.js'
import { escaped } from './escape.js'

const STDERR = 2
const levels: readonly (LogLevel | 'off')[] = ['info', 'warn', 'error', 'off']

/** Takes a line of the member `name`. INVALID_ARGUMENT for a level that there is not. */
export function logOf({ onLog, log }: OpenOptions, name: string): (line: string, level: LogLevel) => void {
  const least = log ?? (onLog === undefined ? 'warn' : 'off')
  if (!levels.includes(least)) {
    throw new RafterError('INVALID_ARGUMENT', `log is off, error, warn or info, not ${String(least)}`)
  }
  return (line, level) => {
    onLog?.(line, level)
    if (levels.indexOf(level) >= levels.indexOf(least)) toStandardError(`rafterdb ${name}: ${level}: ${line}`)
  }
}

/** Not by `process.stderr`: its failure is an event, which ends a process that does not expect it. */
function toStandardError(line: string): void {
  try {
    writeSync(STDERR, `${escaped(line)}\n`)
  } catch {
    // Nobody reads it, or there is no room for it: the app matters more than what is said of it.
  }
}
