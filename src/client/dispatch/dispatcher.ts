// Sends requests, matches responses, and sends again what may be sent again until its callers' time is up.
// Knows no operations and no endpoints: who follows the leader says which port to use.
import { Code, type ErrorCode } from '../../codes.js'
import { codeName, type RafterError } from '../../errors.js'
import { Slabs } from '../buffers/slab.js'
import { Awaited } from '../calls/awaited-requests.js'
import type { Call } from '../calls/call.js'
import type { Liveness } from '../calls/liveness.js'
import { endOf, failureOf, isChange, outcomeOf, timeOutOf, troubleOf } from '../calls/outcome.js'
import { cancelOf, type Request } from '../calls/request.js'
import { PLAIN, settleBody, settleEach, settlePlain } from '../calls/settle.js'
import type { Stream } from '../calls/stream.js'
import type { Port } from '../connection/port.js'
import { WRITE_HEADER_BYTES } from '../wire/header.js'
import { operationBytes } from '../wire/operations.js'
import { RequestKind } from '../wire/request-kinds.js'
import type { Result } from '../wire/results.js'
import { Expiry } from './expiry.js'
import { Inflight } from './inflight.js'
import { Pause } from './pause.js'
import { RequestQueues } from './request-queues.js'
import { ResponseReader } from './response-reader.js'
import { isInvalid, retryOf } from './retry.js'
import { SessionStarter } from './session-starter.js'
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
  readonly #queues = new RequestQueues()
  readonly #inflight = new Inflight()
  readonly #submission = new Submission()
  readonly #responses = new ResponseReader((id, result) => this.#receive(id, result))
  readonly #pause = new Pause(() => this.#resume())
  readonly #streams: Streams
  readonly #sessions: SessionStarter
  readonly #expiry: Expiry
  /** The port took nothing last time: nothing at all is sent before the pause is over. */
  #full = false
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
    this.#streams = new Streams(options.embedded, () => this.#pause.reset())
    this.#sessions = new SessionStarter({
      slabs: this.slabs,
      group: options.group,
      requestTimeout: options.requestTimeout,
      nextId: () => this.nextId(),
      sendStart: (request) => {
        this.#queues.add(request)
        this.#expiry.expect(request.deadline)
      },
      startFailed: (error) => this.#sessionFailed(error),
      pump: () => this.pump(),
    })
    this.#expiry = new Expiry(this.#inflight, this.#queues, {
      timeOut: (request, call) => this.#timeOut(request, call),
      cancelRead: (request) => this.#cancelRead(request),
      drop: this.#drop,
      pump: () => this.pump(),
    })
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

  /** Takes a request whose bytes end at `end`; `pump` sends it. */
  enqueue(request: Request, end: number, group = this.#options.group): void {
    request.seal(end, group)
    if (this.ended !== null) {
      this.#reject(request, this.ended.code, this.ended.message)
      return
    }
    if (request.calls.length > 0) this.awaited.add(request)
    if (this.#port === null && !request.expectsAnswer) this.#drop(request)
    else this.#queues.add(request)
    this.#expiry.expect(request.deadline)
  }

  pump(): void {
    const queues = this.#queues
    while (this.#port !== null && !this.#full) {
      const submission = this.#submission
      submission.clear()
      if (queues.writes.length > 0) this.#sessions.start()
      queues.others = submission.fill(queues.others, () => true, this.#drop)
      queues.reads = submission.fill(queues.reads, this.#mayRead, this.#drop, true)
      if (!this.#pause.isOn) queues.writes = submission.fill(queues.writes, this.#mayWrite, this.#drop)
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
    for (const opening of this.#queues.openings()) if (opening.stream === stream) opening.request.waiting = 0
    if (this.#streams.begun(stream)) this.pump()
    if (this.#port === null) this.#expiry.sweep(performance.now())
  }

  /** A call was given up before its answer: a read that nobody waits for any more stops. */
  abandoned = ({ request }: Call): void => {
    if (request !== null && this.#cancelRead(request)) this.pump()
  }

  /** Learns the identity of a cluster from a member, if none is known; whether it is the one. 0: that member knows none. */
  confirmCluster(cluster: number): boolean {
    if (this.cluster === 0) this.cluster = cluster
    return cluster === this.cluster
  }

  /** Ends all watches: what they were promised cannot be kept. */
  endStreams(error: RafterError): void {
    for (const { stream } of this.#queues.openings()) stream.ended(error)
    this.#streams.end(error)
    this.pump()
  }

  receive = (): void => {
    const port = this.#port
    if (port === null) return
    while (this.#responses.readFrom(port)) if (this.#port !== port) return
    this.heardAt = performance.now()
    if (this.#queues.hasWork) this.pump()
  }

  /** Ends everything: what is under way and what comes later is rejected with `error`. */
  end(error: RafterError): void {
    if (this.ended !== null) return
    this.ended = error
    this.#port = null
    const underWay = this.#inflight.takeAll()
    for (const request of underWay) request.uncertain = true
    for (const request of [...underWay, ...this.#queues.takeAll()]) this.#reject(request, error.code, error.message)
    this.#streams.end(error)
    this.#pause.end()
    this.#expiry.close()
  }

  /** After `end`: nothing is sent or drained any more, and the buffers go to the next client. */
  releaseBuffers(): void {
    this.#responses.releaseBuffers()
    this.#submission.releaseBuffers()
    this.slabs.releaseBuffers()
  }

  #mayRead = (request: Request): boolean => !request.isLinearizableRead || this.#streams.allow(request.id)

  #mayWrite = (request: Request): boolean => this.#streams.allow(request.id) && this.#sessions.bind(request)

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

  #receive(id: number, result: Result): void {
    const request = this.#inflight.take(id)
    if (request !== undefined) {
      this.#answer(request, result)
      return
    }
    const refusal = this.#streams.receive(id, result)
    if (refusal === null) return
    this.#trouble = troubleOf(refusal.code, result.errorText())
    this.#beginPause()
    this.#reroute(refusal.code, refusal.code === 'NOT_LEADER' ? result.text(result.start + 8) : refusal.message)
  }

  #answer(request: Request, result: Result): void {
    if (result.code !== Code.OK) {
      this.#handleRefusal(request, codeName(result.code), result.errorText())
      return
    }
    this.#pause.reset()
    if (request.starts) settleBody(request, result)
    else if (request.type === RequestKind.WRITE && (result.flags & PLAIN) !== 0) settlePlain(request, result)
    else if (request.type === RequestKind.WRITE || request.type === RequestKind.READ) {
      settleEach(request, result, (call, at, bytes) => this.#options.sendAgain(call, request, at, bytes))
    } else settleBody(request, result)
    this.#drop(request)
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
    if (code === 'SESSION_EXPIRED' && request.session !== null) {
      this.#sessions.replace(request.session)
      if (!request.uncertain && !request.starts) {
        // It was sent once, and this is the answer: nothing was done.
        request.unbind()
        this.#sendLater(request, false, code)
        return
      }
    }
    if (isInvalid(code) && request.type === RequestKind.WRITE && request.calls.length > 1 && !request.uncertain) {
      this.#split(request)
      return
    }
    if (retry === 'reject' || (code === 'BUSY' && !this.#options.waitWhenBusy)) {
      this.#reject(request, code, text)
      if (this.#full) this.#beginPause()
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
    else this.#queues.parked.push(request)
    this.#beginPause()
  }

  #reject(request: Request, code: ErrorCode, text: string): void {
    const outcome = outcomeOf(request.type, code, request.uncertain)
    const failed = code === this.ended?.code ? endOf : failureOf
    for (const call of request.calls) if (!call.settled) call.reject(failed(call.name, code, text, outcome))
    if (request.stream !== null) request.stream.ended(failureOf('watch', code, text, 'not-done'))
    this.#drop(request)
  }

  #beginPause(): void {
    if (this.ended === null) this.#pause.begin()
  }

  #resume(): void {
    this.#pause.end()
    this.#full = false
    this.#queues.unpark()
    if (this.#port !== null) {
      for (const stream of this.#streams.takeClosed()) {
        const request = stream.open(this.nextId(), this.slabs)
        this.enqueue(request, request.end)
      }
    }
    this.pump()
  }

  #sessionFailed(error: RafterError): void {
    if (error.code === 'TIMEOUT' || error.code === 'UNREACHABLE') return
    if (retryOf(RequestKind.WRITE, error.code, this.#options.embedded) !== 'reject') return
    for (const write of this.#queues.writes.splice(0)) this.#reject(write, error.code, error.message)
  }

  /** Has the member stop a read that nobody waits for any more; whether it has one to stop. */
  #cancelRead(request: Request): boolean {
    if (request.type !== RequestKind.READ || request.waiting > 0 || !this.#inflight.has(request)) return false
    this.#inflight.delete(request)
    this.#drop(request)
    const cancel = cancelOf(request, this.nextId(), this.slabs)
    this.enqueue(cancel, cancel.end)
    return true
  }

  #timeOut(request: Request, call: Call): RafterError {
    const unreachable = this.#port === null ? this.#options.unreachable(call.name) : null
    const mayBeDone = isChange(request.type) && (request.uncertain || this.#inflight.has(request))
    const trouble = request.attempts === 0 ? this.#trouble : request.trouble
    const outcome = outcomeOf(request.type, 'TIMEOUT', mayBeDone)
    return unreachable !== null && !mayBeDone ? unreachable : timeOutOf(call.name, trouble, unreachable, outcome)
  }
}
