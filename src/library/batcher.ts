// Gathers single calls into batches for app code: one run for many items, and no wait while nothing is under way.
// Knows nothing of the items, and needs no native code.
import { RafterError } from '../errors.js'
import type { Complete } from './options.js'

const ITEMS_DEFAULT = 1_000
const QUEUED_DEFAULT = 65_536
/** The longest time that a timer of Node takes, ms. */
const WAIT_MAX_MS = 2 ** 31 - 1

export interface BatcherOptions<T, R> {
  /**
   * Works on one batch, in the order of the calls of `add`. Resolves to one result an item, in the same order; a result that is
   * an `Error` rejects its item alone. What it throws rejects all items of the batch.
   */
  run: (items: T[]) => Promise<readonly (R | Error)[]>
  /** Items of a batch. Default 1,000. */
  maxItems?: number | undefined
  /** Bytes of a batch, as `sizeOf` says, unless it is one item. Default: no bound. */
  maxBytes?: number | undefined
  /** Bytes of an item, 0 or more; needed for `maxBytes`. */
  sizeOf?: ((item: T) => number) | undefined
  /**
   * Milliseconds that an item may gather while a batch is under way and another may be: it needs `maxInFlight` of 2 or more.
   * Default: until a batch is full or none is under way.
   */
  maxWaitMs?: number | undefined
  /** Batches under way at the same time. Default 1. */
  maxInFlight?: number | undefined
  /** Items that may wait, those of batches under way not counted; then `add` fails with BUSY. Default 65,536. */
  maxQueued?: number | undefined
}

/** Items that go together. Ended batches are dropped; those that wait are a list. */
class Batch<T, R> {
  readonly items: T[] = []
  readonly resolves: ((result: R) => void)[] = []
  readonly rejects: ((error: unknown) => void)[] = []
  bytes = 0
  /** Takes no more items and goes as soon as it may. */
  isSealed = false
  next: Batch<T, R> | null = null
  end: () => void = () => {}
  /** Resolves when all its items are settled. */
  readonly ended = new Promise<void>((resolve) => {
    this.end = resolve
  })

  /** `since`: when its first item came, ms of performance.now(). */
  constructor(readonly since: number) {}

  /** Settles each item with its result. Throws INVALID_ARGUMENT if there is not one for each. */
  settle(results: readonly (R | Error)[]): void {
    const { resolves, rejects } = this
    const count = Array.isArray(results) ? results.length : 'no'
    if (count !== resolves.length) {
      throw invalid(`run returned ${count} results for ${resolves.length} items; it must return an array with one for each`)
    }
    for (const [i, result] of results.entries()) {
      if (result instanceof Error) rejects[i]?.(result)
      else resolves[i]?.(result)
    }
  }
}

/**
 * Gathers items into batches, in the order in which they come.
 *
 * While no batch is under way, an item waits only for the end of the current turn, and all items of that turn go together. While
 * some are under way, but fewer than `maxInFlight`, items gather until a batch is full, has waited for `maxWaitMs`, or none is
 * under way any more. With `maxInFlight` under way they gather until one ends. So an idle batcher adds no delay, and a busy one
 * makes batches as large as its work is slow.
 *
 * ```ts
 * await using users = new Batcher({ run: (ids: number[]) => loadUsers(ids) })
 * const [ann, bob] = await Promise.all([users.add(1), users.add(2)]) // one call of loadUsers
 * ```
 */
export class Batcher<T, R> implements AsyncDisposable {
  readonly #options: Complete<Omit<BatcherOptions<T, R>, 'sizeOf' | 'maxWaitMs'>>
  readonly #sizeOf: ((item: T) => number) | undefined
  readonly #maxWaitMs: number | undefined
  readonly #running = new Set<Batch<T, R>>()
  /** The batches that wait, oldest first. All but the last take no more items. */
  #first: Batch<T, R> | null = null
  #last: Batch<T, R> | null = null
  #queued = 0
  #isScheduled = false
  #timer: NodeJS.Timeout | null = null
  #closing: Promise<void> | null = null

  /** Errors: INVALID_ARGUMENT. */
  constructor(options: BatcherOptions<T, R>) {
    this.#options = checked(options)
    this.#sizeOf = options.sizeOf
    this.#maxWaitMs = options.maxWaitMs
  }

  /** Items that wait for a run, those of batches under way not counted. */
  get queued(): number {
    return this.#queued
  }

  /** Batches under way. */
  get inFlight(): number {
    return this.#running.size
  }

  /**
   * Puts an item into a batch and resolves to its result. Rejects with what `run` threw or returned for it, or with a
   * RafterError; then the item was not taken: BUSY when `maxQueued` items wait, CLOSED after `close`, INVALID_ARGUMENT if
   * `sizeOf` returned no size. INVALID_ARGUMENT also if `run` returned another number of results than there were items.
   */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      const batch = this.#batchFor(item)
      batch.items.push(item)
      batch.resolves.push(resolve)
      batch.rejects.push(reject)
      this.#queued += 1
      if (this.#running.size < this.#options.maxInFlight) this.#schedule()
    })
  }

  /** Has what waits go without gathering, still at most `maxInFlight` batches at a time. Resolves when all items added before are settled; never rejects. */
  async flush(): Promise<void> {
    if (this.#last !== null) this.#last.isSealed = true
    this.#pump()
    const ends = Array.from(this.#running, (batch) => batch.ended)
    for (let batch = this.#first; batch !== null; batch = batch.next) ends.push(batch.ended)
    await Promise.all(ends)
  }

  /** Takes no more items, has what waits go, and resolves when all is settled; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.flush()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The batch that takes an item, begun if need be. Throws if none may. */
  #batchFor(item: T): Batch<T, R> {
    const { maxBytes, maxQueued } = this.#options
    if (this.#closing !== null) throw new RafterError('CLOSED', 'the batcher is closed')
    if (this.#queued >= maxQueued) {
      throw new RafterError('BUSY', `${maxQueued} items wait already (maxQueued); add it again when some are done`)
    }
    const bytes = this.#sizeOf === undefined ? 0 : size(this.#sizeOf(item))
    let batch = this.#last
    if (batch === null || this.#isFull(batch) || batch.bytes + bytes > maxBytes) {
      const next = new Batch<T, R>(this.#maxWaitMs === undefined ? 0 : performance.now())
      if (batch === null) this.#first = next
      else batch.next = next
      this.#last = next
      batch = next
    }
    batch.bytes += bytes
    return batch
  }

  #isFull(batch: Batch<T, R>): boolean {
    return batch.isSealed || batch.items.length >= this.#options.maxItems || batch.bytes >= this.#options.maxBytes
  }

  /** When all that runs in this turn has run, looks what may go: what it adds goes along. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(this.#afterMicrotasks)
  }

  #afterMicrotasks = (): void => {
    // A next tick asked for by a microtask runs when the queue of microtasks is empty.
    process.nextTick(this.#pump)
  }

  #pump = (): void => {
    this.#isScheduled = false
    for (let batch = this.#first; batch !== null && this.#mayGo(batch); batch = this.#first) {
      this.#first = batch.next
      if (batch.next === null) this.#last = null
      this.#queued -= batch.items.length
      void this.#run(batch)
    }
    this.#watchTime()
  }

  #mayGo(batch: Batch<T, R>): boolean {
    const inFlight = this.#running.size
    if (inFlight >= this.#options.maxInFlight) return false
    return inFlight === 0 || batch.next !== null || this.#isFull(batch) || this.#wait(batch) <= 0
  }

  /** Milliseconds that a batch may still gather. */
  #wait(batch: Batch<T, R>): number {
    if (this.#maxWaitMs === undefined) return Number.POSITIVE_INFINITY
    return batch.since + this.#maxWaitMs - performance.now()
  }

  /** Sets the timer for the batch that gathers, if only time has it go; else there is none. */
  #watchTime(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#first === null || this.#maxWaitMs === undefined || this.#running.size >= this.#options.maxInFlight) return
    this.#timer = setTimeout(this.#pump, Math.max(1, Math.ceil(this.#wait(this.#first))))
    this.#timer.unref()
  }

  async #run(batch: Batch<T, R>): Promise<void> {
    this.#running.add(batch)
    try {
      batch.settle(await this.#options.run(batch.items))
    } catch (error) {
      for (const reject of batch.rejects) reject(error)
    }
    this.#running.delete(batch)
    batch.end()
    // At the end of the turn: whoever was answered just now adds the next item before it.
    this.#schedule()
  }
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof BatcherOptions<never, never>>([
  'run',
  'maxItems',
  'maxBytes',
  'sizeOf',
  'maxWaitMs',
  'maxInFlight',
  'maxQueued',
])

/** The options, complete. Throws INVALID_ARGUMENT. */
function checked<T, R>(options: BatcherOptions<T, R>): Complete<Omit<BatcherOptions<T, R>, 'sizeOf' | 'maxWaitMs'>> {
  if (typeof options !== 'object' || options === null) throw invalid('Batcher takes an object: new Batcher({ run: … })')
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name)) throw invalid(`Batcher has no option ${name}; it has ${[...OPTION_NAMES].join(', ')}`)
  }
  const { run, sizeOf, maxBytes, maxWaitMs } = options
  if (typeof run !== 'function') throw invalid('run is missing: the function that works on a batch')
  if (sizeOf !== undefined && typeof sizeOf !== 'function')
    throw invalid('sizeOf is a function that returns the bytes of an item')
  if (maxBytes !== undefined && sizeOf === undefined) throw invalid('maxBytes needs sizeOf, which returns the bytes of an item')
  const maxInFlight = whole(options.maxInFlight, 'maxInFlight', 1)
  if (maxWaitMs !== undefined) {
    if (typeof maxWaitMs !== 'number' || !(maxWaitMs >= 0 && maxWaitMs <= WAIT_MAX_MS)) {
      throw invalid(`maxWaitMs is a number of milliseconds from 0 to ${WAIT_MAX_MS}; got ${String(maxWaitMs)}`)
    }
    if (maxInFlight === 1) {
      throw invalid('maxWaitMs needs maxInFlight of 2 or more: with one batch under way at a time, items wait until it ends')
    }
  }
  return {
    run,
    maxItems: whole(options.maxItems, 'maxItems', ITEMS_DEFAULT),
    maxBytes: maxBytes === undefined ? Number.POSITIVE_INFINITY : whole(maxBytes, 'maxBytes', 0),
    maxInFlight,
    maxQueued: whole(options.maxQueued, 'maxQueued', QUEUED_DEFAULT),
  }
}

function whole(value: number | undefined, name: string, byDefault: number): number {
  const number = value ?? byDefault
  if (!Number.isSafeInteger(number) || number < 1) throw invalid(`${name} is a whole number, 1 or more; got ${String(value)}`)
  return number
}

function size(bytes: number): number {
  if (typeof bytes === 'number' && bytes >= 0) return bytes
  throw invalid(`sizeOf returns a number of bytes, 0 or more; it returned ${String(bytes)}`)
}

function invalid(message: string): RafterError {
  return new RafterError('INVALID_ARGUMENT', message)
}
