// A watch: opened again wherever it has come to, its buffer bounded by credit. Knows no ports.
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import type { As, Watch, WatchEvent, WatchOptions } from '../api.js'
import { checkNames } from '../arguments/option-names.js'
import { spanOf, spanOfKey } from '../arguments/selection.js'
import { abortError, checkSignal } from '../arguments/signal.js'
import type { Slabs } from '../buffers/slab.js'
import { type Abortable, forget, listen } from '../calls/abort-signals.js'
import type { Liveness } from '../calls/liveness.js'
import { Request } from '../calls/request.js'
import type { Stream } from '../calls/stream.js'
import type { Dispatcher } from '../dispatch/dispatcher.js'
import { shown } from '../text/describe.js'
import { HEADER_BYTES } from '../wire/header.js'
import { readU64, writeU64 } from '../wire/integers.js'
import { RequestKind } from '../wire/request-kinds.js'
import { pairBytes, type Result, readPair } from '../wire/results.js'
import type { Span } from '../wire/span.js'

const OPTIONS = ['key', 'prefix', 'from', 'to', 'fromRevision', 'previous', 'as', 'signal']
const WATCH_BODY_BYTES = 32
const CREDIT_BODY_BYTES = 12
const CANCEL_BODY_BYTES = 8
const EVENT_HEADER_BYTES = 4
/** Flag of the request: events carry the pair as it was before. */
const PREVIOUS_PAIR = 1
/** And: the member tells now and then how far it has come, so that a new watch need not start at old revisions. */
const PROGRESS = 2
/** Kind of event. */
const DELETED = 1
/** Events consumed before the member is told that there is room for as many more. */
const GRANT_EVENTS = limits.watchCreditDefault / 2

/** An event in the making. */
type Draft = Omit<WatchEvent<As>, 'type' | 'value'> & { type: string; value?: string | Uint8Array }

/** What has come of a watch since it was last taken. */
export interface Taken<A extends As> {
  events: WatchEvent<A>[]
  /** Every event up to this revision has been handed out; those above it may lack others of their revision. */
  complete: number
}

interface Taker<A extends As> {
  resolve(taken: Taken<A>): void
  reject(error: RafterError): void
}

interface Waiter<A extends As> {
  resolve(result: IteratorResult<WatchEvent<A>, undefined>): void
  reject(error: RafterError): void
}

/** Options after checking. INVALID_ARGUMENT, KEY_EMPTY, KEY_TOO_LARGE, RANGE_REVERSED, ABORTED. */
export function checkWatch(options: WatchOptions<As>): Span {
  checkNames(options, OPTIONS)
  checkSignal(options.signal, 'watch')
  const { key, prefix, from, to, fromRevision } = options
  if (fromRevision !== undefined && (!Number.isSafeInteger(fromRevision) || fromRevision < 1)) {
    throw new RafterError('INVALID_ARGUMENT', `fromRevision must be a whole number from 1, not ${shown(fromRevision)}`)
  }
  if (key !== undefined) {
    if (prefix !== undefined || from !== undefined || to !== undefined) {
      throw new RafterError('INVALID_ARGUMENT', 'key cannot be together with prefix, from or to')
    }
    return spanOfKey(key)
  }
  const span = spanOf(options, OPTIONS)
  if (span === null) throw new RafterError('INVALID_ARGUMENT', 'no key can be in this range: from and to are the same')
  return span
}

export class WatchStream<A extends As> implements Watch<A>, AsyncIterator<WatchEvent<A>, undefined>, Stream, Abortable {
  readonly #dispatcher: Dispatcher
  readonly #liveness: Liveness
  readonly #span: Span
  readonly #options: WatchOptions<A>
  /** Events not consumed, from #head on. At most the credit granted, but for the rest of a revision. */
  #events: WatchEvent<A>[] = []
  #head = 0
  #waiters: Waiter<A>[] = []
  /** Who takes all that comes, instead of waiters; what it was told last to be complete. */
  #taker: Taker<A> | null = null
  #told = -1
  /** Id of the request that opened it last. */
  #id = 0
  #created = false
  /** First revision not wholly received: where it is opened again. 0: from now on. */
  #next: number
  /** Revision of the last event, and the events received of it: if there may be more, they come again with the rest. */
  #last = 0
  #ahead = 0
  /** Events to pass over because they came before. */
  #skip = 0
  #consumed = 0
  #error: RafterError | null = null
  #done = false
  readonly #started: Promise<number>
  #resolveStarted: (revision: number) => void = () => {}
  #rejectStarted: (error: RafterError) => void = () => {}

  constructor(
    dispatcher: Dispatcher,
    liveness: Liveness,
    options: WatchOptions<A>,
    readonly closed: (watch: WatchStream<A>) => void,
  ) {
    this.#dispatcher = dispatcher
    this.#liveness = liveness
    this.#span = checkWatch(options)
    this.#options = options
    this.#next = options.fromRevision ?? 0
    if (options.signal !== undefined) listen(options.signal, this)
    this.#started = new Promise((resolve, reject) => {
      this.#resolveStarted = resolve
      this.#rejectStarted = reject
    })
    // Nobody need wait for the start; a failure also ends the iteration.
    this.#started.catch(() => {})
  }

  get fromNow(): boolean {
    return this.#next === 0
  }

  started(): Promise<number> {
    return this.#liveness.during(this.#started)
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchEvent<A>, undefined> {
    return this
  }

  next(): Promise<IteratorResult<WatchEvent<A>, undefined>> {
    const event = this.#events[this.#head]
    if (event !== undefined) {
      this.#consume()
      return Promise.resolve({ value: event, done: false })
    }
    if (this.#error !== null) {
      const error = this.#error
      this.#error = null
      return Promise.reject(error)
    }
    if (this.#done) return Promise.resolve({ value: undefined, done: true })
    this.#liveness.enter()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
    })
  }

  /**
   * For one who takes everything, instead of iterating: resolves when there is more, also if that is only word that nothing happened up to a
   * revision. Rejects with why the watch is over, CLOSED if that was wished. Not to be called again before it has settled.
   */
  take(): Promise<Taken<A>> {
    if (this.#hasMore()) return Promise.resolve(this.#takeAll())
    if (this.#done) {
      const error = this.#error ?? new RafterError('CLOSED', 'the watch is over')
      return Promise.reject(error)
    }
    this.#liveness.enter()
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject }
    })
  }

  return(): Promise<IteratorResult<WatchEvent<A>, undefined>> {
    this.finish()
    return Promise.resolve({ value: undefined, done: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.finish()
  }

  /** Ends it without an error: events not consumed are dropped. */
  finish(): void {
    this.#events = []
    this.#head = 0
    this.#error = null
    this.#end(null)
  }

  open(id: number, slabs: Slabs): Request {
    const { key, end } = this.#span
    const slab = slabs.single(HEADER_BYTES + WATCH_BODY_BYTES + key.length + end.length)
    const request = new Request(id, RequestKind.WATCH, slab, 0, HEADER_BYTES)
    const { view, bytes } = slab
    const queued = this.#events.length - this.#head
    // Those of the last opening that have not come yet are still to be passed over.
    this.#skip += this.#ahead
    view.setUint32(HEADER_BYTES, PROGRESS | (this.#options.previous === true ? PREVIOUS_PAIR : 0), true)
    view.setUint32(HEADER_BYTES + 4, key.length, true)
    view.setUint32(HEADER_BYTES + 8, end.length, true)
    writeU64(view, HEADER_BYTES + 12, this.#next)
    view.setUint32(HEADER_BYTES + 20, Math.max(0, limits.watchCreditDefault - queued) + this.#skip, true)
    writeU64(view, HEADER_BYTES + 24, this.#dispatcher.cluster)
    bytes.set(key, HEADER_BYTES + WATCH_BODY_BYTES)
    bytes.set(end, HEADER_BYTES + WATCH_BODY_BYTES + key.length)
    request.end = HEADER_BYTES + WATCH_BODY_BYTES + key.length + end.length
    request.stream = this
    request.waiting = 1
    this.#id = id
    this.#created = false
    this.#last = 0
    this.#ahead = 0
    this.#consumed = 0
    return request
  }

  deliver({ buffer, start }: Result): void {
    if (this.#done) return
    const revision = readU64(buffer.view, start)
    const count = buffer.view.getUint32(start + 8, true)
    if (!this.#created) {
      this.#created = true
      if (!this.#dispatcher.confirmCluster(readU64(buffer.view, start + 12))) {
        this.ended(new RafterError('CLUSTER_MISMATCH', 'watch: the member is of another cluster; read the keys again'))
        return
      }
      if (this.#next === 0) this.#next = revision + 1
      this.#resolveStarted(this.#next)
      if (count === 0) {
        this.#wake()
        return
      }
    }
    let at = start + 12
    for (let i = 0; i < count; i++) at = this.#receiveEvent(buffer, at)
    if (revision >= this.#last) this.#ahead = 0
    this.#next = Math.max(this.#next, revision >= this.#last ? revision + 1 : this.#last)
    this.#wake()
  }

  ended(error: RafterError): void {
    this.#end(error)
  }

  aborted(signal: AbortSignal): void {
    this.#end(abortError('watch', signal, 'the watch is over', 'not-done'))
  }

  /** Reads the event at `at`; returns where the next one starts. */
  #receiveEvent(buffer: Result['buffer'], at: number): number {
    const { view } = buffer
    const as = (this.#options.as ?? 'string') as A
    const deleted = view.getUint8(at) === DELETED
    const hasPrevious = view.getUint8(at + 1) !== 0
    const pairAt = at + EVENT_HEADER_BYTES
    let end = pairAt + pairBytes(view, pairAt)
    const previousAt = end
    if (hasPrevious) end += pairBytes(view, previousAt)
    const pair = readPair(buffer, pairAt, as)
    if (pair.modRevision !== this.#last) {
      this.#last = pair.modRevision
      this.#ahead = 0
    }
    this.#ahead++
    if (this.#skip > 0) {
      this.#skip--
      return end
    }
    const event: Draft = {
      type: deleted ? 'delete' : 'put',
      revision: pair.modRevision,
      key: pair.key,
      version: pair.version,
      createRevision: pair.createRevision,
    }
    if (!deleted) event.value = pair.value
    if (hasPrevious) event.previous = readPair(buffer, previousAt, as)
    this.#events.push(event as unknown as WatchEvent<A>)
    return end
  }

  #hasMore(): boolean {
    return this.#events.length > this.#head || (this.#created && this.#next - 1 > this.#told)
  }

  #takeAll(): Taken<A> {
    const events = this.#events.slice(this.#head)
    this.#events = []
    this.#head = 0
    this.#told = this.#next - 1
    this.#grant(events.length)
    return { events, complete: this.#told }
  }

  #wake(): void {
    if (this.#taker !== null && this.#hasMore()) {
      const { resolve } = this.#taker
      this.#taker = null
      this.#liveness.leave()
      resolve(this.#takeAll())
    }
    while (this.#waiters.length > 0) {
      const event = this.#events[this.#head]
      if (event === undefined) return
      const waiter = this.#waiters.shift() as Waiter<A>
      this.#liveness.leave()
      this.#consume()
      waiter.resolve({ value: event, done: false })
    }
  }

  #consume(): void {
    this.#head++
    if (this.#head >= GRANT_EVENTS || this.#head === this.#events.length) {
      this.#events = this.#events.slice(this.#head)
      this.#head = 0
    }
    this.#grant(1)
  }

  /** So many events were consumed. */
  #grant(events: number): void {
    this.#consumed += events
    if (this.#consumed < GRANT_EVENTS || this.#done) return
    this.#sendControl(RequestKind.WATCH_CREDIT, CREDIT_BODY_BYTES, this.#consumed)
    this.#consumed = 0
  }

  #end(error: RafterError | null): void {
    if (this.#done) return
    this.#done = true
    if (this.#options.signal !== undefined) forget(this.#options.signal, this)
    this.#rejectStarted(error ?? new RafterError('CLOSED', 'the watch is over'))
    if (this.#taker !== null) {
      this.#liveness.leave()
      this.#taker.reject(error ?? new RafterError('CLOSED', 'the watch is over'))
      this.#taker = null
    }
    for (const waiter of this.#waiters.splice(0)) {
      this.#liveness.leave()
      if (error === null) waiter.resolve({ value: undefined, done: true })
      else waiter.reject(error)
      // The first consumer is told why; to those behind it the watch is just over.
      error = null
    }
    this.#error = error
    this.#dispatcher.closeStream(this)
    this.#sendControl(RequestKind.CANCEL, CANCEL_BODY_BYTES, 0)
    this.closed(this)
  }

  /** Sends `[u64 id]`, and the number of events if the body has room for it. */
  #sendControl(type: number, bodyBytes: number, events: number): void {
    const { slabs } = this.#dispatcher
    if (this.#dispatcher.ended !== null || this.#id === 0) return
    const slab = slabs.single(HEADER_BYTES + CREDIT_BODY_BYTES)
    const request = new Request(this.#dispatcher.nextId(), type, slab, 0, HEADER_BYTES)
    writeU64(slab.view, HEADER_BYTES, this.#id)
    slab.view.setUint32(HEADER_BYTES + 8, events, true)
    request.waiting = 1
    this.#dispatcher.enqueue(request, HEADER_BYTES + bodyBytes)
    this.#dispatcher.pump()
  }
}
