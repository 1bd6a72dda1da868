// One-line logs of a member: time, level, message and `key=value` fields, or one JSON object a line. Goes to stderr.
import type { Output } from './output.js'

export type LogFields = Record<string, string | number | boolean | undefined>
export type LogFormat = 'text' | 'json'
export type Level = 'info' | 'warn' | 'error'

export class Log {
  constructor(
    private readonly output: Output,
    private readonly format: LogFormat,
    private readonly fixed: LogFields = {},
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

  private write(level: Level, message: string, fields: LogFields): void {
    const time = new Date().toISOString()
    const all = { ...this.fixed, ...fields }
    // A log line is never waited for: the member matters more than its log.
    if (this.format === 'json') void this.output.json({ time, level, message, ...all })
    else void this.output.line(`${time} ${level.toUpperCase().padEnd(5)} ${message}${formatFields(all)}`)
  }
}

function formatFields(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${quote(String(value))}`)
    .join('')
}

/** A value with spaces, quotes or line breaks stands in quotes, so that a line stays one line. */
function quote(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}
