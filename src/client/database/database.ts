// The whole interface over a port: checks arguments, encodes operations into the turn, and gives each its promise.
// The same for the member in this process and for remote members.

import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import { unknownName } from '../../nearest.js'
import type {
  As,
  Backup,
  BackupOptions,
  BackupTarget,
  Bytes,
  CallOptions,
  Database,
  DatabaseEvents,
  DeleteResult,
  MemberStatus,
  Members,
  MembersChange,
  Pair,
  PutResult,
  RangeOptions,
  ReadOptions,
  Selection,
  SyncReadOptions,
  Txn,
  TxnResult,
  Watch,
  WatchOptions,
} from '../api.js'
import { checkCall, checkCommit, checkRead, checkSync } from '../arguments/call-options.js'
import { checkAs, consistencyOf, revisionOf } from '../arguments/read-options.js'
import { isKey, spanOf, spanOfExplicit, spanOfKey } from '../arguments/selection.js'
import { checkSignal } from '../arguments/signal.js'
import { checkTimeout } from '../arguments/timeout.js'
import { Call, type Decode } from '../calls/call.js'
import type { Liveness } from '../calls/liveness.js'
import type { PortFactory } from '../connection/port.js'
import type { Batches } from '../dispatch/batches.js'
import type { Dispatcher } from '../dispatch/dispatcher.js'
import type { MemberNews } from '../dispatch/member-news.js'
import { decodeBodyText, type Question, requestText } from '../dispatch/text-request.js'
import type { TurnBatches } from '../dispatch/turn-batches.js'
import { MemberChanges } from '../members/member-changes.js'
import { MemberEvents } from '../members/member-events.js'
import { memberList } from '../members/member-list.js'
import { MemberRequests } from '../members/member-requests.js'
import type { Plan } from '../members/wanted.js'
import { pages, type ReadPage, rangeOf } from '../reads/range.js'
import * as answers from '../reads/read-answers.js'
import { decodeRawPage, type RawPage } from '../reads/read-answers.js'
import type { SyncReader } from '../reads/sync-read.js'
import { describe, shown } from '../text/describe.js'
import { TxnBuilder } from '../transaction/builder.js'
import { decodeTxn } from '../transaction/decode.js'
import { encodeTxn } from '../transaction/encode.js'
import { countOperations, mayTakeLong, type TxnParts } from '../transaction/parts.js'
import { WatchStream } from '../watch/watch.js'
import { bytesRoom } from '../wire/bytes.js'
import { readU64 } from '../wire/integers.js'
import type { Membership } from '../wire/membership.js'
import * as operations from '../wire/operations.js'
import { ConsistencyKind } from '../wire/request-kinds.js'
import { everything, type Span } from '../wire/span.js'
import type { BackupSource, RunBackup } from './backup-source.js'

/** Milliseconds for which one question of a backup is asked again: longer than a cluster is without a leader. */
const BACKUP_PATIENCE_MS = 30_000

/** What `createDatabase` puts together. */
export interface DatabaseParts {
  dispatcher: Dispatcher
  turn: TurnBatches
  liveness: Liveness
  ports: PortFactory
  requestTimeout: number
  valueBytesMax: number
  /** Hears who the members are. */
  news: MemberNews
  /** Embedded only. */
  syncReader: SyncReader | null
  /** Embedded only: counts of the member. */
  counters: (() => Record<string, number>) | null
  backup: RunBackup
  /** Ends the port and what is behind it; called once, when nothing is under way any more. */
  stop(): Promise<void>
}

type Reading = ReadOptions & { as?: As | undefined }

const decodePut: Decode = ({ revision }) => ({ revision })
const decodeDelete: Decode = ({ buffer, start, revision }) => ({ revision, deleted: readU64(buffer.view, start) })

export class ClientDatabase implements Database {
  readonly #parts: DatabaseParts
  readonly #dispatcher: Dispatcher
  readonly #turn: TurnBatches
  readonly members: Members
  readonly #requests: MemberRequests
  readonly #changes: MemberChanges
  readonly #memberEvents: MemberEvents
  readonly #watches = new Set<WatchStream<As>>()
  #closing: Promise<void> | null = null

  constructor(parts: DatabaseParts) {
    this.#parts = parts
    this.#dispatcher = parts.dispatcher
    this.#turn = parts.turn
    this.#requests = new MemberRequests(
      (call, question, options) => this.#requestText(call, question, options),
      parts.ports,
      parts.requestTimeout,
      parts.dispatcher.group,
    )
    this.#changes = new MemberChanges(this.#requests, (call, { signal, timeout }) => this.#nothing(call, { signal, timeout }))
    this.#memberEvents = new MemberEvents(parts.news)
    this.members = memberList(this.#requests, this.#changes)
    bindMethods(this)
  }

  put(key: Bytes, value: Bytes, options?: CallOptions): Promise<PutResult> {
    try {
      if (options !== undefined) checkCall(options)
      const call = this.#call('put', decodePut, options)
      const { writes } = this.#turn
      const slab = writes.room(operations.PUT_HEADER_BYTES + this.#room(key, 'key') + this.#room(value, 'value'))
      const end = operations.writePut(slab, slab.used, key, value, 0, this.#parts.valueBytesMax)
      return this.#send(writes, call, end)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  get(key: Bytes, options?: ReadOptions): Promise<string | null>
  get(key: Bytes, options: ReadOptions & { as: 'bytes' }): Promise<Uint8Array | null>
  get(key: Bytes, options?: Reading): Promise<string | Uint8Array | null> {
    if (options === undefined) return this.#read('get', key, options, answers.decodeText)
    return this.#read('get', key, options, options?.as === 'bytes' ? answers.decodeBytes : answers.decodeText)
  }

  getPair<A extends As = 'string'>(key: Bytes, options?: ReadOptions & { as?: A | undefined }): Promise<Pair<A> | null> {
    return this.#read('getPair', key, options, options?.as === 'bytes' ? answers.decodeBytesPair : answers.decodePair)
  }

  getSync(key: Bytes, options?: SyncReadOptions): string | null
  getSync(key: Bytes, options: SyncReadOptions & { as: 'bytes' }): Uint8Array | null
  getSync(key: Bytes, options?: SyncReadOptions & { as?: As | undefined }): string | Uint8Array | null {
    const { syncReader } = this.#parts
    if (this.#closing !== null || this.#dispatcher.ended !== null) throw this.#closedError('getSync')
    if (syncReader === null) {
      throw new RafterError('INVALID_ARGUMENT', 'getSync needs a member in this process (open); use `await db.get(key)` here')
    }
    if (options === undefined) return syncReader.get(key, ConsistencyKind.LINEARIZABLE, 0, false)
    checkSync(options)
    return syncReader.get(key, consistencyOf(options), options.maxStaleness ?? 0, checkAs(options.as) === 'bytes')
  }

  delete(of: Bytes | Selection, options?: CallOptions): Promise<DeleteResult> {
    try {
      if (options !== undefined) checkCall(options)
      const span = isKey(of) ? spanOfKey(of) : spanOfExplicit(of)
      const call = this.#call('delete', decodeDelete, options)
      if (span === null) return this.#nothing('delete', options).then((revision) => ({ revision, deleted: 0 }))
      const { writes } = this.#turn
      const bytes = operations.DELETE_HEADER_BYTES + span.key.length + span.end.length
      const isOne = span.end.length === 0
      const slab = isOne ? writes.room(bytes) : writes.roomAlone(bytes)
      return this.#send(writes, call, operations.writeDelete(slab, slab.used, span, 0), isOne)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  range<A extends As = 'string'>(options: RangeOptions<A> = {}): AsyncIterable<Pair<A>> {
    return rangeOf(options, this.#pageReader('range', options))
  }

  count(selection: Selection = {}, options: ReadOptions = {}): Promise<number> {
    try {
      const span = spanOf(selection)
      checkRead(options, false)
      const consistency = consistencyOf(options)
      const revision = revisionOf(options)
      const call = this.#call('count', answers.decodeCount, options)
      if (span === null) return Promise.resolve(0)
      const batches = this.#turn.readsOf(consistency, options.maxStaleness ?? 0)
      const slab = batches.roomAlone(operations.RANGE_HEADER_BYTES + span.key.length + span.end.length)
      return this.#send(batches, call, operations.writeRange(slab, slab.used, span, operations.COUNT_ONLY, 0, revision), false)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  txn(): Txn {
    return new TxnBuilder((parts, options) => this.#runTxn(parts, options))
  }

  watch<A extends As = 'string'>(options: WatchOptions<A> = {}): Watch<A> {
    if (this.#closing !== null || this.#dispatcher.ended !== null) throw this.#closedError('watch')
    const watch = new WatchStream(this.#dispatcher, this.#parts.liveness, options, (ended) =>
      this.#watches.delete(ended as unknown as WatchStream<As>),
    )
    this.#watches.add(watch as unknown as WatchStream<As>)
    // What was called before goes before it, and what is called later into other requests.
    this.#turn.flush()
    this.#dispatcher.openStream(watch)
    return watch
  }

  compact(revision: number, options?: CallOptions): Promise<{ revision: number }> {
    try {
      if (!Number.isSafeInteger(revision) || revision < 1) {
        throw new RafterError('INVALID_ARGUMENT', `revision must be a whole number from 1, not ${shown(revision)}`)
      }
      if (options !== undefined) checkCall(options)
      const call = this.#call('compact', decodePut, options)
      const { writes } = this.#turn
      const slab = writes.room(operations.COMPACT_BYTES)
      return this.#send(writes, call, operations.writeCompact(slab, slab.used, revision))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  raiseRevision(revision: number, options?: CallOptions): Promise<{ revision: number }> {
    try {
      const most = limits.revisionRaisedMax
      if (!Number.isSafeInteger(revision) || revision < 1 || revision > most) {
        throw new RafterError('INVALID_ARGUMENT', `revision must be a whole number from 1 to ${most}, not ${shown(revision)}`)
      }
      if (options !== undefined) checkCall(options)
      const call = this.#call('raiseRevision', decodePut, options)
      const { writes } = this.#turn
      const slab = writes.room(operations.RAISE_BYTES)
      return this.#send(writes, call, operations.writeRaise(slab, slab.used, revision))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  backup(to: BackupTarget, options: BackupOptions = {}): Promise<Backup> {
    const { backup, liveness } = this.#parts
    if (this.#closing !== null || this.#dispatcher.ended !== null) return Promise.reject(this.#closedError('backup'))
    return liveness.during(backup(this.#backupSource(), to, options))
  }

  #backupSource(): BackupSource {
    const timeout = BACKUP_PATIENCE_MS
    const read = (options: RangeOptions) =>
      pages<RawPage>(everything, options, this.#pageReader('backup', options), decodeRawPage)
    return {
      cluster: (signal) => this.#requests.cluster({ signal, timeout }),
      pages: (signal) => read({ signal, timeout }),
      count: (signal) => this.count({}, { signal, timeout }),
      revision: async (signal) => (await read({ signal, timeout, limit: 1, keysOnly: true }).next()).value?.revision ?? 0,
      changes: (fromRevision, signal) => this.watch({ fromRevision, signal, as: 'bytes' }) as WatchStream<'bytes'>,
    }
  }

  async status(options: CallOptions = {}): Promise<MemberStatus[]> {
    checkCall(options)
    // The questions to other members are nobody else's calls.
    return this.#parts.liveness.during(this.#requests.status(options))
  }

  async transferLeader(name: string, options: CallOptions = {}): Promise<void> {
    if (typeof name !== 'string') throw new RafterError('INVALID_ARGUMENT', `name must be a string, not ${describe(name)}`)
    checkCall(options)
    return this.#requests.transferLeader(name, options)
  }

  /** For a member that joins, and not of the interface: who the members are. */
  membership(): Promise<Membership> {
    return this.#requests.membership('members', {})
  }

  /** Likewise: how the member is that is asked. */
  ownStatus(): Promise<MemberStatus> {
    return this.#requests.ownStatus('status', {})
  }

  /** Likewise: a change of the members. */
  changeMembers(call: string, plan: Plan, options: CallOptions): Promise<MembersChange> {
    return this.#changes.make(call, plan, options)
  }

  on<E extends keyof DatabaseEvents>(event: E, listener: (value: DatabaseEvents[E]) => void): () => void {
    if (event !== 'members') throw new RafterError('INVALID_ARGUMENT', unknownName('event', String(event), ['members']))
    if (typeof listener !== 'function') {
      throw new RafterError('INVALID_ARGUMENT', `listener must be a function, not ${describe(listener)}`)
    }
    if (this.#closing !== null) throw this.#closedError('on')
    return this.#memberEvents.on(listener)
  }

  counters(): Record<string, number> {
    return this.#closing === null ? (this.#parts.counters?.() ?? {}) : {}
  }

  ref(): this {
    this.#parts.liveness.hold(true)
    return this
  }

  unref(): this {
    this.#parts.liveness.hold(false)
    return this
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { liveness, requestTimeout, stop } = this.#parts
    for (const watch of [...this.#watches]) watch.finish()
    this.#memberEvents.close()
    this.#turn.flush()
    await this.#dispatcher.awaited.none(requestTimeout)
    this.#dispatcher.end(this.#closedError('close'))
    try {
      await stop()
    } finally {
      liveness.close()
      this.#turn.releaseBuffers()
    }
  }

  /** A call made now: its promise, deadline and signal. CLOSED, INVALID_ARGUMENT, ABORTED. */
  #call(name: string, decode: Decode, options: CallOptions | undefined): Call {
    if (this.#closing !== null || this.#dispatcher.ended !== null) throw this.#closedError(name)
    if (options === undefined) return new Call(name, decode, this.#turn.deadline(this.#parts.requestTimeout))
    const { signal, timeout } = options
    checkSignal(signal, name)
    const call = new Call(
      name,
      decode,
      this.#turn.deadline(timeout === undefined ? this.#parts.requestTimeout : checkTimeout(timeout)),
    )
    if (signal !== undefined) call.listen(signal, this.#dispatcher.abandoned)
    return call
  }

  /** The operation of `call` ends at `end` of the open batch, which others may join unless it is alone. */
  #send<T>(batches: Batches, call: Call, end: number, mayJoin = true): Promise<T> {
    this.#turn.schedule()
    batches.add(call, end)
    if (!mayJoin) batches.close()
    return call.promise as Promise<T>
  }

  /** Reads pages as the options say. */
  #pageReader(name: string, options: RangeOptions<As>): ReadPage {
    return <P>(span: Span, flags: number, limit: number, revision: number, decode: Decode) => {
      try {
        const call = this.#call(name, decode, options)
        const batches = this.#turn.readsOf(consistencyOf(options), options.maxStaleness ?? 0)
        const slab = batches.room(operations.RANGE_HEADER_BYTES + span.key.length + span.end.length)
        return this.#send<P>(batches, call, operations.writeRange(slab, slab.used, span, flags, limit, revision))
      } catch (error) {
        return Promise.reject(error)
      }
    }
  }

  #read<T>(name: string, key: Bytes, options: Reading | undefined, decode: Decode): Promise<T> {
    try {
      let consistency: number = ConsistencyKind.LINEARIZABLE
      let revision = 0
      if (options !== undefined) {
        checkRead(options, true)
        consistency = consistencyOf(options)
        revision = revisionOf(options)
        checkAs(options.as)
      }
      const call = this.#call(name, decode, options)
      const batches = this.#turn.readsOf(consistency, options?.maxStaleness ?? 0)
      const slab = batches.room(operations.RANGE_HEADER_BYTES + this.#room(key, 'key'))
      return this.#send(batches, call, operations.writeGet(slab, slab.used, key, revision))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #runTxn(parts: TxnParts, options: CallOptions & { as?: As | undefined }): Promise<TxnResult<As>> {
    try {
      checkCommit(options)
      const as = checkAs(options.as)
      const bytes = encodeTxn(parts, this.#parts.valueBytesMax)
      const call = this.#call('txn', (result) => decodeTxn(result, parts, as), options)
      const { writes } = this.#turn
      const isShort = !mayTakeLong(parts)
      const slab = isShort ? writes.room(bytes.length, countOperations(parts)) : writes.roomAlone(bytes.length)
      slab.bytes.set(bytes, slab.used)
      return this.#send(writes, call, slab.used + bytes.length, isShort)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Sends a request of its own and resolves to the text of its answer. */
  #requestText(name: string, question: Question, options: CallOptions): Promise<string> {
    try {
      const call = this.#call(name, decodeBodyText, options)
      return requestText(this.#turn, call, question)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** A linearizable read of nothing, for the call of that name. Resolves to the store's revision now. */
  #nothing(name: string, options: CallOptions | undefined): Promise<number> {
    const call = this.#call(name, ({ revision }) => revision, options)
    const span = spanOfKey('\0')
    const { reads } = this.#turn
    const slab = reads.room(operations.RANGE_HEADER_BYTES + span.key.length)
    return this.#send(reads, call, operations.writeRange(slab, slab.used, span, operations.COUNT_ONLY, 0, 0))
  }

  /** Bytes to set aside for a key or value. VALUE_TOO_LARGE or KEY_TOO_LARGE when no buffer should be made for it. */
  #room(bytes: Bytes, what: string): number {
    const room = bytesRoom(bytes, what)
    if (room > limits.requestBytesMax) {
      throw new RafterError(what === 'key' ? 'KEY_TOO_LARGE' : 'VALUE_TOO_LARGE', `the ${what} has ${room} bytes`)
    }
    return room
  }

  #closedError(name: string): RafterError {
    return (
      this.#dispatcher.ended ??
      new RafterError('CLOSED', `${name}: the database is closed; open it again to use it`, { outcome: 'not-done' })
    )
  }
}

/**
 * So that `const { get, put } = db` works. By plain assignment: properties that are defined otherwise have V8 keep the whole object, its
 * private fields too, as a dictionary, and every call pays for it.
 */
function bindMethods(db: ClientDatabase): void {
  const own = db as unknown as Record<string, unknown>
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(ClientDatabase.prototype))) {
    if (name !== 'constructor' && typeof value === 'function') own[name] = value.bind(db)
  }
}
