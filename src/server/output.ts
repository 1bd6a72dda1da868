// One output stream: lines, JSON and tables, with back-pressure. Knows nothing of commands.
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { jsonLine } from '../client/text/escape.js'
import { formatTable } from './table.js'

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow'

export class Output {
  /** Whether a person reads along. */
  readonly isTerminal: boolean
  private readonly isColoured: boolean

  constructor(
    private readonly stream: Writable & { isTTY?: boolean; columns?: number },
    env: Record<string, string | undefined> = {},
  ) {
    this.isTerminal = stream.isTTY === true
    this.isColoured = this.isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  }

  /** Width in columns; 80 where there is no terminal. */
  get columns(): number {
    return this.stream.columns ?? 80
  }

  /** Writes text or bytes as they are; resolves when the stream takes more, or takes nothing any more. */
  async write(chunk: string | Uint8Array): Promise<void> {
    if (this.stream.write(chunk)) return
    const settled = new AbortController()
    const takes = ['drain', 'close', 'error'].map((event) => once(this.stream, event, { signal: settled.signal }))
    // What went wrong is handled where the process's streams are (main.ts); here nobody waits for what never comes.
    await Promise.race(takes).catch(() => {})
    settled.abort()
    for (const take of takes) take.catch(() => {})
  }

  /** Writes a line and resolves, once that is settled, to why it could not be written; null: it was. */
  attempt(line: string): Promise<Error | null> {
    return new Promise((resolve) => {
      this.stream.write(`${line}\n`, (error) => resolve(error ?? null))
    })
  }

  line(text = ''): Promise<void> {
    return this.write(`${text}\n`)
  }

  /** One value as one line of JSON. */
  json(value: unknown): Promise<void> {
    return this.line(jsonLine(value))
  }

  table(header: string[], rows: string[][]): Promise<void> {
    const [head, ...body] = formatTable([header, ...rows])
    return this.write(`${[this.style('bold', head ?? ''), ...body].join('\n')}\n`)
  }

  /** The text in a style, or plain where colours are not wanted. */
  style(style: Style, text: string): string {
    return this.isColoured ? styleText(style, text, { validateStream: false }) : text
  }
}
