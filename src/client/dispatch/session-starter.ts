// Which session a batch goes into, and the batch of no operations that starts one. Knows no other requests.
import type { RafterError } from '../../errors.js'
import type { Slabs } from '../buffers/slab.js'
import { Call } from '../calls/call.js'
import { Request } from '../calls/request.js'
import { type Session, Sessions } from '../calls/session.js'
import { HEADER_BYTES, WRITE_HEADER_BYTES, writeBatchStart } from '../wire/header.js'
import { readU64 } from '../wire/integers.js'
import { RequestKind } from '../wire/request-kinds.js'
import type { Result } from '../wire/results.js'

/** The number in the answer to a start. */
const startedId = ({ buffer, start }: Result): number => readU64(buffer.view, start)

/** What starts of sessions need of the dispatcher. */
export interface SessionSender {
  readonly slabs: Slabs
  readonly group: number
  readonly requestTimeout: number
  nextId(): number
  /** Queues the start of a session. */
  sendStart(request: Request): void
  /** A session could not be started. */
  startFailed(error: RafterError): void
  /** There is, or may be, a session for the writes that wait. */
  pump(): void
}

export class SessionStarter {
  readonly #sessions = new Sessions()

  constructor(readonly sender: SessionSender) {}

  /** Gives a batch its place in a session, if it has none; false: it has to wait. */
  bind(request: Request): boolean {
    if (request.session !== null) return true
    const session = this.#sessions.ready()
    if (session === null) return false
    request.bind(session)
    return true
  }

  /** The cluster has forgotten `session`: no batch is added to it any more. */
  replace(session: Session): void {
    this.#sessions.replace(session)
  }

  /** Starts the current session, unless that is done. */
  start(): void {
    const { sender } = this
    const sessions = this.#sessions
    const session = sessions.current
    if (session.started || sessions.starting) return
    sessions.starting = true
    const slab = sender.slabs.single(WRITE_HEADER_BYTES)
    const request = new Request(sender.nextId(), RequestKind.WRITE, slab, 0, WRITE_HEADER_BYTES)
    const call = new Call('session', startedId, performance.now() + sender.requestTimeout)
    request.add(call)
    request.starts = true
    request.seal(WRITE_HEADER_BYTES, sender.group)
    request.bind(session)
    writeBatchStart(slab.view, HEADER_BYTES)
    sender.sendStart(request)
    call.promise
      .then(
        (id) => sessions.started(session, id as number),
        (error: RafterError) => {
          sessions.replace(session)
          sender.startFailed(error)
        },
      )
      .finally(() => sender.pump())
  }
}
