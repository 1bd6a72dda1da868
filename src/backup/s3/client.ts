// One bucket of an object store that speaks S3's REST: a signed request, its answer, what to do when there is none. Knows no backups.
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { RafterError } from '../../errors.js'
import { encodedPath, queryString, type S3Credentials, sha256, signed } from './signature.js'
import { elementText } from './xml.js'

export interface Bucket {
  name: string
  endpoint: URL
  region: string
  /** The bucket's name is in the path, and not in the host's name. */
  pathStyle: boolean
  credentials: () => Promise<S3Credentials>
  /** Milliseconds for which a connection may be still. */
  timeout: number
}

export interface Request {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD'
  /** Empty: it is about the bucket. */
  key: string
  query?: readonly (readonly [name: string, value: string])[]
  headers?: Readonly<Record<string, string>>
  body?: Uint8Array
}

/** An answer whose body is still to be read. */
export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: IncomingMessage
}

/** The store refuses a request, or nothing of it arrives. `code` as S3 has it; empty: none. */
export class Refusal extends RafterError {
  constructor(
    code: RafterError['code'],
    message: string,
    readonly status: number,
    readonly s3Code: string,
    readonly isPassing: boolean,
  ) {
    super(code, message)
  }
}

const ATTEMPTS = 5
const PAUSE_MS = 200
const TEXT_BYTES_MAX = 16 * 2 ** 20
const EMPTY = new Uint8Array(0)
const SOCKETS_MAX = 8
/** What S3 says of itself when it should be asked again. */
const PASSING = new Set(['InternalError', 'SlowDown', 'ServiceUnavailable', 'RequestTimeout', 'OperationAborted'])
const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504])
/** What it says of keys and rights. */
const DENIED_STATUS = new Set([401, 403])

export class S3Client {
  readonly #agent: Agent
  readonly #send: typeof plainRequest

  constructor(readonly bucket: Bucket) {
    const isPlain = bucket.endpoint.protocol === 'http:'
    const options = { keepAlive: true, maxSockets: SOCKETS_MAX }
    this.#agent = isPlain ? new Agent(options) : new SecureAgent(options)
    this.#send = isPlain ? plainRequest : (secureRequest as typeof plainRequest)
  }

  /** What the answer is made into, asked for up to five times. Errors: ACCESS_DENIED, INVALID_ARGUMENT, IO; each is a `Refusal`. */
  async ask<T>(request: Request, take: (answer: Answer) => Promise<T> | T): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#once(request)
        if (answer.status >= 300) throw await this.#refusal(request, answer)
        return await take(answer)
      } catch (error) {
        const refusal = error instanceof Refusal ? error : this.#broken(request, error as Error)
        if (!refusal.isPassing || attempt === ATTEMPTS) throw refusal
        await pause(attempt)
      }
    }
  }

  /** The text of the answer. */
  text(request: Request): Promise<string> {
    return this.ask(request, async ({ body }) => {
      const text = await textOf(body)
      // Some answers begin before it is known how they end.
      if (/^\s*(<\?xml[^>]*>)?\s*<Error[\s>]/.test(text)) throw this.refused(request, 200, text)
      return text
    })
  }

  /** The headers of the answer; whatever else it has is thrown away. */
  headers(request: Request): Promise<IncomingHttpHeaders> {
    return this.ask(request, async ({ headers, body }) => {
      await textOf(body)
      return headers
    })
  }

  /** For messages: where that is. */
  where(key: string): string {
    return `s3://${this.bucket.name}/${key}`
  }

  /** What an answer's XML says of why it is none. */
  refused(request: Request, status: number, xml: string): Refusal {
    const s3Code = elementText(xml, 'Code') ?? ''
    const said = elementText(xml, 'Message') ?? ''
    const what = `${request.method} ${this.where(request.key)}: ${s3Code === '' ? `HTTP ${status}` : s3Code}${said === '' ? '' : `: ${said}`}`
    const isPassing = PASSING.has(s3Code) || PASSING_STATUS.has(status)
    const region = elementText(xml, 'Region')
    if (region !== null && region !== this.bucket.region) {
      return new Refusal('INVALID_ARGUMENT', `${what}; the bucket is in region ${region}: give that one`, status, s3Code, false)
    }
    if (s3Code === 'NoSuchBucket') {
      const text = `there is no bucket ${this.bucket.name} at ${this.bucket.endpoint.host}; make it first, or mend its name`
      return new Refusal('INVALID_ARGUMENT', text, status, s3Code, false)
    }
    if (DENIED_STATUS.has(status)) {
      const next =
        s3Code === 'RequestTimeTooSkewed'
          ? "set this machine's clock"
          : 'see that the keys are right, and may list, read, write and delete there'
      return new Refusal('ACCESS_DENIED', `${what}; ${next}`, status, s3Code, false)
    }
    return new Refusal('IO', what, status, s3Code, isPassing)
  }

  async #refusal(request: Request, { status, body }: Answer): Promise<Refusal> {
    return this.refused(request, status, await textOf(body))
  }

  /** Something is wrong on the way: it may be right the next time. */
  #broken(request: Request, error: Error): Refusal {
    const { code = '' } = error as NodeJS.ErrnoException
    const text = `${request.method} ${this.where(request.key)}: ${error.message || code} (${this.bucket.endpoint.host})`
    return new Refusal('IO', text, 0, '', true)
  }

  async #once({ method, key, query = [], headers = {}, body = EMPTY }: Request): Promise<Answer> {
    const { endpoint, name, pathStyle, region, timeout } = this.bucket
    const host = pathStyle ? endpoint.host : `${name}.${endpoint.host}`
    const base = endpoint.pathname.replace(/\/$/, '')
    const path = base + encodedPath(pathStyle ? `/${name}${key === '' ? '' : `/${key}`}` : `/${key}`)
    const unsigned = { method, path, query, headers: { ...headers, host }, bodyHash: sha256(body) }
    const all = signed(unsigned, await this.bucket.credentials(), region, new Date())
    if (method === 'PUT' || method === 'POST') all['content-length'] = String(body.length)
    const { hostname, port } = new URL(`${endpoint.protocol}//${host}`)
    const target = query.length === 0 ? path : `${path}?${queryString(query)}`
    return new Promise((resolve, reject) => {
      const request = this.#send(
        { agent: this.#agent, method, hostname, port, path: target, headers: all, timeout },
        (response) => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response })
        },
      )
      request.once('timeout', () => request.destroy(new Error(`nothing came for ${timeout / 1_000} s`)))
      request.once('error', reject)
      request.end(body)
    })
  }
}

async function textOf(body: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of body as AsyncIterable<Buffer>) {
    length += part.length
    if (length > TEXT_BYTES_MAX) throw new Error(`an answer of more than ${TEXT_BYTES_MAX} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** Longer each time, and not the same for all who wait. */
const pause = (attempt: number): Promise<void> => sleep(PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2))
