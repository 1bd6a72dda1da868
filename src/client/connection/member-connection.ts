// One port with its two handlers, which can be handed over: to ask a member something, then to work with it.
// Knows no retries; whoever asks handles failure.
import { Code, type ErrorCode } from '../../codes.js'
import { codeName, RafterError } from '../../errors.js'
import { failureOf } from '../calls/outcome.js'
import { explain } from '../text/explain.js'
import { HEADER_BYTES, writeHeader } from '../wire/header.js'
import { readU64 } from '../wire/integers.js'
import { ResponseBuffer } from '../wire/results.js'
import type { Port, PortFactory } from './port.js'

/** Bytes of the buffer for answers; it grows for a larger one. */
const ANSWER_BYTES = 16_384
/** Ids of its requests, far above those of the dispatcher, which may use the same port later. */
const FIRST_REQUEST_ID = 2 ** 52

interface PendingRequest {
  id: number
  resolve(text: string): void
  reject(error: RafterError): void
}

export class MemberConnection {
  readonly port: Port
  /** Responses wait. At first for the answers to `requestText`. */
  notify: () => void = () => this.#readAnswers()
  /** The port broke. */
  lost: (code: ErrorCode, message: string) => void = () => {}
  #pending: PendingRequest | null = null
  #nextId = FIRST_REQUEST_ID

  private constructor(
    readonly endpoint: string,
    /** The Raft group that is asked: each has a leader of its own. */
    readonly group: number,
    port: Port,
  ) {
    this.port = port
  }

  /** Opens a port. Rejects with the reason; UNREACHABLE if there is no connection after `timeout` ms. */
  static async open(factory: PortFactory, endpoint: string, group: number, timeout: number): Promise<MemberConnection> {
    let connection: MemberConnection | null = null
    let broken: RafterError | null = null
    const opening = Promise.resolve(
      factory(
        endpoint,
        () => connection?.notify(),
        (code, message) => {
          broken = new RafterError(code, message)
          connection?.portLost(broken)
        },
      ),
    )
    const port = await within(opening, timeout, `no connection within ${timeout} ms`, (late) => late.close())
    connection = new MemberConnection(endpoint, group, port)
    if (broken !== null) throw broken
    return connection
  }

  /** Sends one request and resolves to the text of its answer. One at a time. */
  async requestText(type: number, body: Uint8Array, timeout: number, group = this.group): Promise<string> {
    const bytes = Buffer.alloc(HEADER_BYTES + body.length)
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const id = this.#nextId++
    writeHeader(view, 0, body.length, type, group, id)
    bytes.set(body, HEADER_BYTES)
    const answer = new Promise<string>((resolve, reject) => {
      this.#pending = { id, resolve, reject }
    })
    const code = this.port.submit(bytes, bytes.length)
    if (code !== Code.OK) this.#pending?.reject(new RafterError(codeName(code), explain('request', codeName(code), '')))
    try {
      return await within(answer, timeout, `no answer within ${timeout} ms`)
    } finally {
      this.#pending = null
    }
  }

  close(): void {
    this.notify = () => {}
    this.lost = () => {}
    this.port.close()
  }

  /** The port broke: tells whoever listens. */
  portLost(error: RafterError): void {
    this.#pending?.reject(error)
    this.lost(error.code, error.message)
  }

  #readAnswers(): void {
    let buffer = new ResponseBuffer(Buffer.allocUnsafeSlow(ANSWER_BYTES))
    for (;;) {
      const length = this.port.drain(buffer.bytes)
      if (length === 0) return
      if (length < 0) {
        buffer = new ResponseBuffer(Buffer.allocUnsafeSlow(-length))
        continue
      }
      for (let at = 0; at < length; ) {
        const start = at + HEADER_BYTES
        const end = start + buffer.view.getUint32(at, true)
        if (readU64(buffer.view, at + 8) === this.#pending?.id)
          this.#answer(buffer, buffer.view.getUint16(at + 6, true), start, end)
        at = end
      }
    }
  }

  #answer(buffer: ResponseBuffer, code: number, start: number, end: number): void {
    if (code === Code.OK) {
      this.#pending?.resolve(buffer.bytes.toString('utf8', start, end))
      return
    }
    const name = codeName(code)
    this.#pending?.reject(failureOf('request', name, buffer.bytes.toString('utf8', Math.min(start + 8, end), end), 'not-done'))
  }
}

async function within<T>(promise: Promise<T>, timeout: number, message: string, late?: (value: T) => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<'expired'>((resolve) => {
    timer = setTimeout(() => resolve('expired'), timeout)
    timer.unref()
  })
  try {
    const first = await Promise.race([promise, expired])
    if (first !== 'expired') return first as T
  } finally {
    clearTimeout(timer)
  }
  promise.then(late, () => {})
  throw new RafterError('UNREACHABLE', message)
}
