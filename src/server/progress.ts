// How far a long command is, on standard error: a bar that is drawn anew on a terminal, else a line now and then.
import type { Output } from './output.js'

const BAR_CELLS = 24
const REDRAW_MS = 100
/** Where a log is read and not a terminal: what is over sooner says nothing. */
const LINE_MS = 10_000
/** What is left is told once that much is done, and not before that time: the beginning says little of the rest. */
const TOLD_FRACTION = 0.01
const TOLD_MS = 2_000
/** The rate of so long ago still counts: a command may wait for a disk at times, and end with another kind of work than it began with. */
const WINDOW_MS = 30_000

interface Sample {
  at: number
  fraction: number
}

export class Progress {
  private drawnAt: number | null = null
  private readonly startedAt: number
  private samples: Sample[] = []

  constructor(
    private readonly output: Output,
    private readonly label: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.startedAt = this.now()
  }

  /** Shows it at most ten times a second. `fraction` from 0 to 1, or undefined where the end is not known. */
  update(count: number, fraction: number | undefined, unit = 'keys'): void {
    const now = this.now()
    const since = now - (this.drawnAt ?? (this.output.isTerminal ? Number.NEGATIVE_INFINITY : this.startedAt))
    if (since < (this.output.isTerminal ? REDRAW_MS : LINE_MS)) return
    this.drawnAt = now
    const done = [
      `${count.toLocaleString('en-US')} ${unit}`,
      formatRate(count, now - this.startedAt),
      ...this.left(now, fraction),
    ]
    if (this.output.isTerminal) {
      const bar = fraction === undefined ? '' : `${drawBar(fraction)} `
      void this.output.write(`\r\u001b[K${`${this.label} ${bar}${done.join(', ')}`.slice(0, this.output.columns - 1)}`)
    } else {
      const share = fraction === undefined ? '' : `${percent(fraction)}, `
      void this.output.line(`${this.label}: ${share}${done.join(', ')}`)
    }
  }

  /** Takes the bar away however the work ends: what is said then has a line of its own. */
  async during<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } finally {
      await this.end()
    }
  }

  /** Takes the bar away. */
  async end(): Promise<void> {
    if (this.output.isTerminal && this.drawnAt !== null) await this.output.write('\r\u001b[K')
  }

  get seconds(): number {
    return (this.now() - this.startedAt) / 1_000
  }

  /** How long it still takes, if that can be told. */
  private left(now: number, fraction: number | undefined): string[] {
    if (fraction === undefined) return []
    if (fraction >= 1) return ['finishing']
    // What is begun anew begins with nothing.
    if (fraction < (this.samples.at(-1)?.fraction ?? 0)) this.samples = []
    this.samples = [
      ...this.samples.filter(({ at }, i, all) => now - at < WINDOW_MS || i === all.length - 1),
      { at: now, fraction },
    ]
    const first = this.samples[0] as Sample
    const begun = first.fraction === fraction || now - first.at < TOLD_MS ? { at: this.startedAt, fraction: 0 } : first
    if (fraction < TOLD_FRACTION || now - begun.at < TOLD_MS) return []
    return [`${formatTime(((now - begun.at) * (1 - fraction)) / (fraction - begun.fraction))} left`]
  }
}

function drawBar(fraction: number): string {
  const share = Math.min(1, Math.max(0, fraction))
  const full = Math.round(share * BAR_CELLS)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_CELLS - full)}] ${percent(share).padStart(4)}`
}

const percent = (fraction: number): string => `${Math.floor(fraction * 100)}%`

export function formatRate(count: number, milliseconds: number): string {
  return `${Math.round(count / Math.max(0.001, milliseconds / 1_000)).toLocaleString('en-US')}/s`
}

/** `4 s`, `3 min 20 s`, `2 h 5 min`: two places, as a third says nothing. */
export function formatTime(milliseconds: number): string {
  const seconds = Math.max(1, Math.round(milliseconds / 1_000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
