// Many puts under way at once, bounded in number and bytes, repeated while the cluster is without a leader.
// Puts of one key stay in order: the later one waits for the earlier.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bytes, Database } from '../client/api.js'
import type { ErrorCode } from '../codes.js'
import { RafterError } from '../errors.js'
import { CommandError } from './failures.js'
import type { InputRecord } from './ndjson.js'

export interface BulkPutOptions {
  /** Puts under way at once. */
  inFlightMax: number
  /** Bytes under way at once, unless it is one record. */
  bytesMax: number
  /** Milliseconds for which one put is repeated before it fails. */
  retryFor: number
  /** Name of the input, for messages. */
  source: string
  signal: AbortSignal
}

/** Failures after which the same put may simply be sent again: it sets the same value. */
const repeatable: ReadonlySet<ErrorCode> = new Set([
  'BUSY',
  'NO_LEADER',
  'NOT_LEADER',
  'LEADER_LOST',
  'SESSION_EXPIRED',
  'RESULT_FORGOTTEN',
  'TIMEOUT',
  'UNREACHABLE',
])

const RETRY_DELAY_MIN_MS = 25
const RETRY_DELAY_MAX_MS = 1_000

export class BulkPut {
  /** Puts acknowledged so far. */
  done = 0
  /** Times that a put was sent again. */
  retries = 0
  private inFlight = 0
  private bytes = 0
  private failure: Error | undefined
  private wake: (() => void) | undefined
  /** The last put of each key under way. */
  private readonly pending = new Map<string, Promise<void>>()

  constructor(
    private readonly db: Database,
    private readonly options: BulkPutOptions,
  ) {}

  /** Resolves when there is room for the next record. Rejects with the first failure, which names its line. */
  async add(record: InputRecord): Promise<void> {
    const { inFlightMax, bytesMax } = this.options
    while (!this.failure && (this.inFlight >= inFlightMax || this.bytes >= bytesMax)) await this.change()
    if (this.failure) throw this.failure
    this.inFlight++
    this.bytes += record.bytes
    const id = identity(record.key)
    const earlier = this.pending.get(id)
    const put: Promise<void> = (earlier ?? Promise.resolve())
      .then(() => this.put(record))
      .then(
        () => this.finish(id, put, record),
        (error: unknown) => {
          this.failure ??= new CommandError(`${this.options.source}, line ${record.line}: ${messageOf(error)}`)
          this.finish(id, put, record)
        },
      )
    this.pending.set(id, put)
  }

  /** Resolves when every put is acknowledged. Rejects with the first failure, when nothing is under way any more. */
  async finishAll(): Promise<void> {
    while (this.inFlight > 0) await this.change()
    if (this.failure) throw this.failure
  }

  private async put(record: InputRecord): Promise<void> {
    const attempt = async () => {
      if (this.failure) return
      await this.db.put(record.key, record.value, { signal: this.options.signal })
      this.done++
    }
    await repeat(attempt, this.options, () => this.retries++)
  }

  private finish(id: string, put: Promise<void>, record: InputRecord): void {
    if (this.pending.get(id) === put) this.pending.delete(id)
    this.inFlight--
    this.bytes -= record.bytes
    this.wake?.()
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve
    })
  }
}

/** Makes a call that may be made twice, again while it fails for want of a leader. */
export async function repeat<T>(
  attempt: () => Promise<T>,
  { signal, retryFor }: Pick<BulkPutOptions, 'signal' | 'retryFor'>,
  onRetry: () => void = () => {},
): Promise<T> {
  let deadline = 0
  let delay = RETRY_DELAY_MIN_MS
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      deadline ||= performance.now() + retryFor
      const isRepeatable = error instanceof RafterError && repeatable.has(error.code)
      if (!isRepeatable || signal.aborted || performance.now() >= deadline) throw error
      onRetry()
      await sleep(delay)
      delay = Math.min(delay * 2, RETRY_DELAY_MAX_MS)
    }
  }
}

/** The same for the same bytes, whether they came as text or as base64. */
function identity(key: Bytes): string {
  const bytes = typeof key === 'string' ? Buffer.from(key) : Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  return bytes.toString('latin1')
}

function messageOf(error: unknown): string {
  if (error instanceof RafterError) return `${error.message} (${error.code})`
  return error instanceof Error ? error.message : String(error)
}
