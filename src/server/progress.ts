// A progress bar on a terminal's standard error; nothing where there is no terminal.
import type { Output } from './output.js'

const BAR_CELLS = 24
const REDRAW_MS = 100

export class Progress {
  private drawnAt = 0
  private readonly startedAt: number

  constructor(
    private readonly output: Output,
    private readonly label: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.startedAt = this.now()
  }

  /** Redraws at most ten times a second. `fraction` from 0 to 1, or undefined where the end is not known. */
  update(keys: number, fraction: number | undefined): void {
    const now = this.now()
    if (!this.output.isTerminal || now - this.drawnAt < REDRAW_MS) return
    this.drawnAt = now
    const rate = formatRate(keys, now - this.startedAt)
    const bar = fraction === undefined ? '' : `${drawBar(fraction)} `
    void this.output.write(`\r\u001b[K${this.label} ${bar}${keys.toLocaleString('en-US')} keys, ${rate}`)
  }

  /** Takes the bar away. */
  async end(): Promise<void> {
    if (this.output.isTerminal && this.drawnAt > 0) await this.output.write('\r\u001b[K')
  }

  get seconds(): number {
    return (this.now() - this.startedAt) / 1_000
  }
}

function drawBar(fraction: number): string {
  const share = Math.min(1, Math.max(0, fraction))
  const full = Math.round(share * BAR_CELLS)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_CELLS - full)}] ${String(Math.floor(share * 100)).padStart(3)}%`
}

export function formatRate(count: number, milliseconds: number): string {
  return `${Math.round(count / Math.max(0.001, milliseconds / 1_000)).toLocaleString('en-US')}/s`
}
