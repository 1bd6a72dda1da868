// Sends requests, matches responses, and sends again what may be sent again until its callers' time is up.
// Knows no operations and no endpoints; who follows the leader says which port to use.
// Long, since every step of a request’s life looks at the same queues.
import { Code, type ErrorCode } from '../../codes.js'
import { codeName, type RafterError } from '../../errors.js'
import { Slabs } from '../buffers/slab.js'
import { acquireBuffer, releaseBuffer } from '../buffers/spare-buffers.js'
import { Awaited } from '../calls/awaited-requests.js'
import { Call } from '../calls/call.js'
import type { Liveness } from '../calls/liveness.js'
import { endOf, failureOf, outcomeOf, timeOutOf, troubleOf } from '../calls/outcome.js'
import { cancelOf, HEADER_BYTES, Request, WRITE_HEADER_BYTES } from '../calls/request.js'
import { type Session, Sessions } from '../calls/session.js'
import { PLAIN, settleBody, settleEach, settlePlain } from '../calls/settle.js'
import type { Stream } from '../calls/stream.js'
import { Backoff } from '../connection/backoff.js'
import type { Port } from '../connection/port.js'
import { readU64 } from '../wire/integers.js'
import { operationBytes } from '../wire/operations.js'
import { RequestKind } from '../wire/request-kinds.js'
import { ResponseBuffer, Result } from '../wire/results.js'
import { Deadlines } from './deadlines.js'
import { Inflight } from './inflight.js'
import { isInvalid, retryOf } from './retry.js'
import { Streams } from './streams.js'
import { Submission } from './submission.js'

export interface DispatcherOptions {
  /** The member is in this process: there is no other to go to. */
  embedded: boolean
  group: number
  waitWhenBusy: boolean
  requestTimeout: number
  liveness: Liveness
  /** The member that answered is not the leader, or has none; `endpoint` is the leader's if it is known. */
  notLeader(endpoint: string): void
  /** The member at the other end has stopped. */
  memberLost(code: ErrorCode, message: string): void
  /** Why no member can be reached now, as an error of `call`; null if one can. */
  unreachable(call: string): RafterError | null
  /** Puts the operation at `at` of a request into a new one. */
  sendAgain(call: Call, from: Request, at: number, bytes: number): void
}

export class Dispatcher {
  readonly slabs = new Slabs()
  readonly awaited: Awaited
  readonly #options: DispatcherOptions
  #port: Port | null = null
  /** Complete and not sent, each in order of id. Writes wait for their session and its window. */
  #writes: Request[] = []
  #reads: Request[] = []
  /** What waits for nothing but the port: watches and what concerns them, questions about the cluster, starts of sessions. */
  #others: Request[] = []
  /** To be sent again when the pause is over. */
  #parked: Request[] = []
  readonly #inflight = new Inflight()
  readonly #streams = new Streams()
  readonly #sessions = new Sessions()
  readonly #submission = new Submission()
  readonly #backoff = new Backoff()
  #pause: NodeJS.Timeout | null = null
  /** The port took nothing last time: nothing at all is sent before the pause is over. */
  #full = false
  readonly #deadlines = new Deadlines((now) => this.#sweep(now))
  /** What responses are drained into; it grows for a larger response. */
  #buffer = new ResponseBuffer(acquireBuffer())
  #result = new Result(this.#buffer)
  #nextId = 1
  /** What went wrong last with any request: those that wait behind it say so. */
  #trouble = ''
  /** Identity of the cluster that all this is about, from the first contact on; 0: not known yet. */
  cluster = 0
  /** Why nothing is sent any more. */
  ended: RafterError | null = null
  /** When the last response came, and when the first request after an idle time went out, ms of performance.now(). */
  heardAt = 0
  sentAt = 0

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.awaited = new Awaited(options.liveness)
  }

  /** The Raft group that everything goes to. */
  get group(): number {
    return this.#options.group
  }

  nextId(): number {
    return this.#nextId++
  }

  get underWay(): number {
    return this.#inflight.size + this.#streams.beginning
  }

  /** Takes a request whose bytes end at `end`; `pump` sends it. `own`: it is for the client's own sake, nobody waits for it. */
  enqueue(request: Request, end: number, own = false): void {
    request.seal(end, this.#options.group)
    if (this.ended !== null) {
      this.#reject(request, this.ended.code, this.ended.message)
      return
    }
    if (!own && request.calls.length > 0) this.awaited.add(request)
    if (this.#port === null && !request.expectsAnswer) this.#drop(request)
    else this.#queue(request)
    if (request.deadline !== Number.POSITIVE_INFINITY) this.#deadlines.expect(request.deadline)
  }

  pump(): void {
    while (this.#port !== null && !this.#full) {
      const submission = this.#submission
      submission.clear()
      if (this.#writes.length > 0) this.#startSession()
      this.#others = submission.fill(this.#others, () => true, this.#drop)
      this.#reads = submission.fill(this.#reads, this.#mayRead, this.#drop, true)
      if (this.#pause === null) this.#writes = submission.fill(this.#writes, this.#mayWrite, this.#drop)
      if (submission.requests.length === 0 || !this.#transmit(this.#port, submission)) break
    }
  }

  /** Uses `port` from now on. What was under way on the last one is sent again. */
  attach(port: Port): void {
    this.detach('the connection was replaced')
    this.#port = port
    this.heardAt = performance.now()
    this.#resume()
  }

  /** There is no port now. */
  detach(reason: string): void {
    if (this.#port === null) return
    this.#port = null
    this.#streams.close()
    const requests = this.#inflight.takeAll()
    for (const request of requests) this.#sendLater(request, true, reason)
  }

  /** Opens a watch, and again whenever its port is replaced. */
  openStream(stream: Stream): void {
    const request = stream.open(this.nextId(), this.slabs)
    this.#streams.begins(stream, request.id)
    this.enqueue(request, request.end)
    this.pump()
  }

  /** The watch is over; nothing more is delivered to it. */
  closeStream(stream: Stream): void {
    this.#streams.forget(stream)
    for (const request of [...this.#others, ...this.#parked]) if (request.stream === stream) request.waiting = 0
    if (this.#streams.begun(stream)) this.pump()
    if (this.#port === null) this.#sweep(performance.now())
  }

  /** A call was given up before its answer: a read that nobody waits for any more stops. */
  abandoned = ({ request }: Call): void => {
    if (request !== null && this.#stopRead(request)) this.pump()
  }

  /** Learns the identity of a cluster from a member, if none is known; whether it is the one. 0: that member knows none. */
  confirmCluster(cluster: number): boolean {
    if (this.cluster === 0) this.cluster = cluster
    return cluster === this.cluster
  }

  /** Ends all watches: what they were promised cannot be kept. */
  endStreams(error: RafterError): void {
    for (const request of [...this.#others, ...this.#parked]) request.stream?.ended(error)
    this.#streams.end(error)
    this.pump()
  }

  receive = (): void => {
    const port = this.#port
    if (port === null) return
    for (;;) {
      const length = port.drain(this.#buffer.bytes)
      if (length === 0) break
      if (length < 0) this.#replaceBuffer(-length)
      else this.#read(length)
      if (this.#port !== port) return
    }
    this.heardAt = performance.now()
    if (this.#writes.length > 0 || this.#reads.length > 0 || this.#others.length > 0) this.pump()
  }

  /** Ends everything: what is under way and what comes later is rejected with `error`. */
  end(error: RafterError): void {
    if (this.ended !== null) return
    this.ended = error
    this.#port = null
    const underWay = this.#inflight.takeAll()
    for (const request of underWay) request.uncertain = true
    const requests = [...underWay, ...this.#writes, ...this.#reads, ...this.#others, ...this.#parked]
    this.#writes = []
    this.#reads = []
    this.#others = []
    this.#parked = []
    for (const request of requests) this.#reject(request, error.code, error.message)
    this.#streams.end(error)
    if (this.#pause !== null) clearTimeout(this.#pause)
    this.#deadlines.close()
  }

  /** After `end`: nothing is sent or drained any more, and the buffers go to the next client. */
  releaseBuffers(): void {
    this.#replaceBuffer(0)
    this.#submission.releaseBuffers()
    this.slabs.releaseBuffers()
  }

  #mayRead = (request: Request): boolean => !request.isLinearizableRead || this.#streams.allow(request.id)

  #mayWrite = (request: Request): boolean => {
    if (!this.#streams.allow(request.id)) return false
    if (request.session !== null) return true
    const session = this.#sessions.ready()
    if (session === null) return false
    request.bind(session)
    return true
  }

  #drop = (request: Request): void => {
    if (request.released) return
    request.released = true
    this.awaited.remove(request)
    request.session?.answered(request.sequence)
    this.slabs.release(request.slab)
  }

  #transmit(port: Port, submission: Submission): boolean {
    const { requests } = submission
    if (this.#inflight.size === 0) this.sentAt = performance.now()
    for (const request of requests) {
      request.attempts++
      if (request.stream !== null) this.#streams.opened(request.id, request.stream)
      else if (request.expectsAnswer) this.#inflight.add(request)
    }
    const code = port.submit(submission.bytes(), submission.length)
    if (code === Code.OK) {
      for (const request of requests) if (request.stream !== null || !request.expectsAnswer) this.#drop(request)
      return true
    }
    for (const request of requests) {
      request.attempts--
      this.#inflight.delete(request)
      this.#streams.ended(request.id)
    }
    if (code === Code.BUSY) this.#full = true
    for (const request of requests) {
      // The member in this process has stopped: why is on its way, and ends all that waits.
      if (code === Code.POISONED) this.#sendLater(request, false, codeName(code))
      else this.#handleRefusal(request, codeName(code), '')
    }
    return false
  }

  #read(length: number): void {
    const { view } = this.#buffer
    const result = this.#result
    for (let at = 0; at < length; ) {
      const start = at + HEADER_BYTES
      const end = start + view.getUint32(at, true)
      const word = view.getUint32(at + 4, true)
      const id = readU64(view, at + 8)
      result.code = word >>> 16
      result.flags = (word >>> 8) & 0xff
      result.start = start
      result.end = end
      at = end
      const request = this.#inflight.take(id)
      if (request !== undefined) this.#answer(request, result)
      else this.#answerStream(id, result)
    }
  }

  #answer(request: Request, result: Result): void {
    if (result.code !== Code.OK) {
      this.#handleRefusal(request, codeName(result.code), result.errorText())
      return
    }
    this.#backoff.reset()
    if (request.starts) settleBody(request, result)
    else if (request.type === RequestKind.WRITE && (result.flags & PLAIN) !== 0) settlePlain(request, result)
    else if (request.type === RequestKind.WRITE || request.type === RequestKind.READ) {
      settleEach(request, result, (call, at, bytes) => this.#options.sendAgain(call, request, at, bytes))
    } else settleBody(request, result)
    this.#drop(request)
  }

  #answerStream(id: number, result: Result): void {
    const stream = this.#streams.at(id)
    if (stream === undefined) return
    if (result.code === Code.OK) {
      if (this.#streams.begun(stream)) this.#backoff.reset()
      stream.deliver(result)
      return
    }
    const error = result.error('watch')
    const isOver = retryOf(RequestKind.WATCH, error.code, this.#options.embedded) === 'reject'
    this.#streams.ended(id, isOver ? null : stream)
    if (isOver) {
      stream.ended(error)
      return
    }
    // The member has no room for it, perhaps for long.
    if (error.code === 'BUSY') this.#streams.begun(stream)
    this.#trouble = troubleOf(error.code, result.errorText())
    this.#pauseNow()
    this.#reroute(error.code, error.code === 'NOT_LEADER' ? result.text(result.start + 8) : error.message)
  }

  /** Has the leader searched for, or the member left, as `code` asks for. */
  #reroute(code: ErrorCode, text: string): void {
    const { notLeader, memberLost } = this.#options
    if (code === 'NOT_LEADER' || code === 'NO_LEADER' || code === 'LEADER_LOST') notLeader(code === 'NOT_LEADER' ? text : '')
    if (code === 'CLOSED' || code === 'POISONED') memberLost(code, text)
  }

  /** A member has not carried a request out, or nobody knows whether. */
  #handleRefusal(request: Request, code: ErrorCode, text: string): void {
    const { embedded } = this.#options
    const retry = retryOf(request.type, code, embedded)
    if (code === 'SESSION_EXPIRED' && request.session !== null) this.#sessions.replace(request.session)
    if (isInvalid(code) && request.type === RequestKind.WRITE && request.calls.length > 1 && !request.uncertain) {
      this.#split(request)
      return
    }
    if (retry === 'reject' || (code === 'BUSY' && !this.#options.waitWhenBusy)) {
      this.#reject(request, code, text)
      if (this.#full) this.#pauseNow()
      return
    }
    this.#sendLater(request, retry === 'uncertain', troubleOf(code, text))
    this.#reroute(code, text)
  }

  /** Sends each operation of a refused batch in one of its own, so that only the wrong one fails. */
  #split(request: Request): void {
    let at = request.start + WRITE_HEADER_BYTES
    for (const call of request.calls) {
      const bytes = operationBytes(request.slab.view, at)
      if (!call.settled) this.#options.sendAgain(call, request, at, bytes)
      at += bytes
    }
    this.#drop(request)
  }

  /** Has a request sent again after the pause, as the very same bytes. */
  #sendLater(request: Request, uncertain: boolean, trouble: string): void {
    if (this.ended !== null) {
      this.#reject(request, this.ended.code, this.ended.message)
      return
    }
    request.trouble = trouble
    this.#trouble = trouble
    if (request.waiting === 0) {
      this.#drop(request)
      return
    }
    if (uncertain && !request.uncertain) request.markUncertain()
    // A session that may or may not have been started is not used: its start fails, and the next one is started.
    if (uncertain && request.starts) this.#reject(request, 'LEADER_LOST', trouble)
    else this.#parked.push(request)
    this.#pauseNow()
  }

  #reject(request: Request, code: ErrorCode, text: string): void {
    const outcome = outcomeOf(request.type, code, request.uncertain)
    const failed = code === this.ended?.code ? endOf : failureOf
    for (const call of request.calls) if (!call.settled) call.reject(failed(call.name, code, text, outcome))
    if (request.stream !== null) request.stream.ended(failureOf('watch', code, text, 'not-done'))
    this.#drop(request)
  }

  #pauseNow(): void {
    if (this.#pause !== null || this.ended !== null) return
    this.#pause = setTimeout(() => this.#resume(), this.#backoff.delay())
    this.#pause.unref()
  }

  #resume(): void {
    if (this.#pause !== null) clearTimeout(this.#pause)
    this.#pause = null
    this.#full = false
    if (this.#parked.length > 0) {
      const parked = this.#parked
      this.#parked = []
      for (const request of parked) this.#queue(request)
      for (const queue of [this.#writes, this.#reads, this.#others]) queue.sort((a, b) => a.id - b.id)
    }
    if (this.#port !== null) {
      for (const stream of this.#streams.takeClosed()) {
        const request = stream.open(this.nextId(), this.slabs)
        this.enqueue(request, request.end)
      }
    }
    this.pump()
  }

  /** Sends the batch of no operations that starts the current session, unless that is done. */
  #startSession(): void {
    const sessions = this.#sessions
    const session = sessions.current
    if (session.started || sessions.starting) return
    sessions.starting = true
    const slab = this.slabs.single(WRITE_HEADER_BYTES)
    const request = new Request(this.nextId(), RequestKind.WRITE, slab, 0, WRITE_HEADER_BYTES)
    const call = new Call('session', () => true, performance.now() + this.#options.requestTimeout)
    request.add(call)
    request.starts = true
    request.seal(WRITE_HEADER_BYTES, this.#options.group)
    request.bind(session)
    this.#others.push(request)
    this.#deadlines.expect(call.deadline)
    call.promise
      .then(
        () => sessions.started(session),
        (error: RafterError) => this.#sessionFailed(session, error),
      )
      .finally(() => this.pump())
  }

  #sessionFailed(session: Session, error: RafterError): void {
    this.#sessions.replace(session)
    if (error.code === 'TIMEOUT' || error.code === 'UNREACHABLE') return
    if (retryOf(RequestKind.WRITE, error.code, this.#options.embedded) !== 'reject') return
    for (const write of this.#writes.splice(0)) this.#reject(write, error.code, error.message)
  }

  #queue(request: Request): void {
    if (request.type === RequestKind.READ) this.#reads.push(request)
    else if (request.type === RequestKind.WRITE && !request.starts) this.#writes.push(request)
    else this.#others.push(request)
  }

  #replaceBuffer(bytes: number): void {
    releaseBuffer(this.#buffer.bytes)
    this.#buffer = new ResponseBuffer(Buffer.allocUnsafeSlow(bytes))
    this.#result = new Result(this.#buffer)
  }

  /** Tells the member that nobody waits for a read that it has; whether there was something to tell. */
  #stopRead(request: Request): boolean {
    if (request.type !== RequestKind.READ || request.waiting > 0 || !this.#inflight.has(request)) return false
    this.#inflight.delete(request)
    this.#drop(request)
    const cancel = cancelOf(request, this.nextId(), this.slabs)
    this.enqueue(cancel, cancel.end)
    return true
  }

  #sweep(now: number): number {
    let next = Number.POSITIVE_INFINITY
    let cancelled = false
    const expire = (request: Request): boolean => {
      if (request.deadline <= now) this.#expire(request, now)
      if (request.waiting === 0) {
        cancelled = this.#stopRead(request) || cancelled
        this.#inflight.delete(request)
        this.#drop(request)
        return false
      }
      if (request.deadline < next) next = request.deadline
      return true
    }
    for (const request of this.#inflight.list()) expire(request)
    this.#writes = this.#writes.filter(expire)
    this.#reads = this.#reads.filter(expire)
    this.#others = this.#others.filter(expire)
    this.#parked = this.#parked.filter(expire)
    if (cancelled) this.pump()
    return next
  }

  #expire(request: Request, now: number): void {
    request.deadline = Number.POSITIVE_INFINITY
    for (const call of request.calls) {
      if (call.settled) continue
      if (call.deadline <= now) this.#timeOut(request, call)
      else if (call.deadline < request.deadline) request.deadline = call.deadline
    }
  }

  #timeOut(request: Request, call: Call): void {
    const unreachable = this.#port === null ? this.#options.unreachable(call.name) : null
    const mayBeDone = request.type === RequestKind.WRITE && (request.uncertain || this.#inflight.has(request))
    const trouble = request.attempts === 0 ? this.#trouble : request.trouble
    const outcome = outcomeOf(request.type, 'TIMEOUT', mayBeDone)
    call.reject(unreachable !== null && !mayBeDone ? unreachable : timeOutOf(call.name, trouble, unreachable, outcome))
  }
}
