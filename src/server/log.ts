// One-line logs of a member: time, level, message and `key=value` fields, or one JSON object a line. Goes to stderr. A line that
// cannot be written is lost and counted: the member matters more than its log.
import type { LogLevel } from '../client/api.js'
import { escaped, jsonLine } from '../client/text/escape.js'
import type { Output } from './output.js'

export type LogFields = Record<string, string | number | boolean | undefined>
export type LogFormat = 'text' | 'json'
/** The least level that is written. */
export const LOG_LEVELS = ['info', 'warn', 'error', 'off'] as const
export type LeastLevel = (typeof LOG_LEVELS)[number]

export class Log {
  /** Lines that could not be written since the last that could. */
  private lost = 0

  constructor(
    private readonly output: Output,
    private readonly format: LogFormat,
    private readonly fixed: LogFields = {},
    private readonly least: LeastLevel = 'info',
  ) {}

  info(message: string, fields: LogFields = {}): void {
    this.write('info', message, fields)
  }
  warn(message: string, fields: LogFields = {}): void {
    this.write('warn', message, fields)
  }
  error(message: string, fields: LogFields = {}): void {
    this.write('error', message, fields)
  }

  write(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.least)) return
    // A log line is never waited for.
    void this.output.attempt(this.render(level, message, { ...this.fixed, ...fields })).then((error) => this.wrote(error))
  }

  /** Told once it works again: how much is missing. */
  private wrote(error: Error | null): void {
    if (error !== null) this.lost++
    else if (this.lost > 0) {
      const { lost } = this
      this.lost = 0
      this.write('warn', 'lines of this log could not be written and are lost', { lines: lost })
    }
  }

  private render(level: LogLevel, message: string, fields: LogFields): string {
    const time = new Date().toISOString()
    if (this.format === 'json') return jsonLine({ time, level, message, ...fields })
    return `${time} ${level.toUpperCase().padEnd(5)} ${escaped(message)}${formatFields(fields)}`
  }
}

function formatFields(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${quote(String(value))}`)
    .join('')
}

/** A value with spaces, quotes or hidden characters stands in quotes, so that a line stays one line. */
function quote(value: string): string {
  return /^[^\s"=]+$/.test(value) && escaped(value) === value ? value : jsonLine(value)
}
