// An object store for tests: s3rver holds the objects, or a server that runs already (`scripts/check-s3.mjs`); in front of it a server that believes nobody. It makes each signature again with AWS's
// own signer and the hash of each body, refuses what differs as S3 does, and does what goes wrong on the way. Judges nothing.
import { createHash, createHmac } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { SignatureV4 } from '@smithy/signature-v4'
import S3rver from 's3rver'

export const KEYS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER/+=' }
export const REGION = 'eu-test-1'
export const BUCKET = 'backups'

/** A server that holds the objects in s3rver's place: where it listens, and where its buckets are. */
const GIVEN = givenBy(process.env)

/** What happens to a request instead of an answer; nothing: it goes on. */
export type Fault =
  | 'unavailable'
  | 'cut-request'
  | 'cut-answer'
  | 'lost-answer'
  | 'hang'
  | 'wrong-tag'
  | 'bad-complete'
  | 'ignore-range'
  | 'wrong-size'

export interface Asked {
  method: string
  path: string
  query: URLSearchParams
}

export class ObjectStore implements AsyncDisposable {
  /** Every request that came in, refused or not. */
  readonly asked: Asked[] = []
  /** What goes wrong with a request, if anything does. */
  fault: (asked: Asked) => Fault | undefined = () => undefined
  /** Keys of a page of a list. */
  pageKeys = 1_000
  #front!: Server
  #port = 0
  #close = async () => {}

  private constructor(
    private readonly directory: string,
    /** Where below the bucket each upload that is under way has a directory. */
    private readonly uploads: string,
  ) {}

  static async start(directory: string): Promise<ObjectStore> {
    const store =
      GIVEN === null ? new ObjectStore(directory, '._S3rver_uploads') : new ObjectStore(GIVEN.directory, '.sgwtmp/multipart')
    if (GIVEN === null) {
      const behind = new S3rver({
        ...{ port: 0, address: '127.0.0.1', silent: true, directory, resetOnClose: false },
        configureBuckets: [{ name: BUCKET, configs: [] }],
      })
      store.#port = (await behind.run()).port
      store.#close = () => behind.close()
    } else store.#port = GIVEN.port
    store.#front = createServer((asked, answer) => void store.#serve(asked, answer))
    await new Promise<void>((resolve) => store.#front.listen(0, '127.0.0.1', resolve))
    return store
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#front.address() as AddressInfo).port}`
  }

  /** Uploads that were begun and neither completed nor given up. */
  get unfinished(): string[] {
    const all = namesIn(join(this.directory, BUCKET, this.uploads))
    // The other one has one directory for each object, and those of its uploads in it.
    return GIVEN === null
      ? all
      : all.flatMap((object) => namesIn(join(this.directory, BUCKET, this.uploads, object)).map((upload) => join(object, upload)))
  }

  /** What the bucket's rules do in the end. */
  forget(): void {
    for (const upload of this.unfinished) this.#remove(upload)
  }

  countOf(method: string, what: (asked: Asked) => boolean = () => true): number {
    return this.asked.filter((asked) => asked.method === method && what(asked)).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#front.closeAllConnections()
    await new Promise((resolve) => this.#front.close(resolve))
    await this.#close()
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', this.endpoint)
    const asked: Asked = { method: incoming.method ?? '', path: decodeURIComponent(url.pathname), query: url.searchParams }
    this.asked.push(asked)
    const fault = this.fault(asked)
    if (fault === 'cut-request') {
      // After some of its body.
      incoming.once('data', () => incoming.socket.destroy())
      return
    }
    const body = await bytesOf(incoming).catch(() => null)
    if (body === null || fault === 'hang') return
    if (fault === 'unavailable') return refuse(answer, 503, 'SlowDown', 'Please reduce your request rate.')
    const wrong = await wrongWith(incoming, url, body)
    if (wrong !== null) return refuse(answer, 403, wrong, 'said the store')
    if (fault === 'bad-complete') return refuse(answer, 200, 'InternalError', 'We encountered an internal error.')
    const upload = asked.query.get('uploadId')
    if (GIVEN === null && asked.method === 'DELETE' && upload !== null) {
      // What s3rver does not know.
      this.#remove(upload)
      answer.writeHead(204).end()
      return
    }
    if (GIVEN === null && upload !== null && !this.unfinished.includes(upload))
      return refuse(answer, 404, 'NoSuchUpload', 'The upload does not exist.')
    await this.#pass(incoming, url, body, answer, fault)
  }

  /** A page of a list: s3rver's own end with an error under the Node of today. */
  #pageOf(list: Buffer, from: number): Buffer {
    let next = 0
    const xml = list
      .toString()
      .replace(/<Contents>.*?<\/Contents>/gs, (one) => (next++ >= from && next <= from + this.pageKeys ? one : ''))
    if (next <= from + this.pageKeys) return Buffer.from(xml)
    const more = `<IsTruncated>true</IsTruncated><NextContinuationToken>${from + this.pageKeys}</NextContinuationToken>`
    return Buffer.from(xml.replace('<IsTruncated>false</IsTruncated>', more))
  }

  #remove(upload: string): void {
    rmSync(join(this.directory, BUCKET, this.uploads, upload), { recursive: true, force: true })
  }

  async #pass(
    incoming: IncomingMessage,
    url: URL,
    body: Buffer,
    answer: ServerResponse,
    fault: Fault | undefined,
  ): Promise<void> {
    const token = url.searchParams.get('continuation-token')
    url.searchParams.delete('continuation-token')
    const headers = { ...incoming.headers } as Record<string, string>
    if (fault === 'ignore-range') delete headers['range']
    // What differs from what came is signed anew: whoever is behind may believe nobody either.
    if (token !== null || fault === 'ignore-range')
      headers['authorization'] = await authorizationOf(incoming.method ?? '', url, headers, body)
    const path = `${url.pathname}${url.search}`
    const onward = request({ host: '127.0.0.1', port: this.#port, method: incoming.method, path, headers }, async (response) => {
      const whole = await bytesOf(response)
      const isList = url.searchParams.has('list-type')
      const bytes = isList ? this.#pageOf(whole, Number(token ?? 0)) : whole
      if (fault === 'lost-answer') return void incoming.socket.destroy()
      const made = { ...response.headers, ...(isList ? { 'content-length': String(bytes.length) } : {}) }
      if (fault === 'wrong-size') made['content-length'] = '1'
      if (fault === 'wrong-tag') made.etag = `"${'0'.repeat(32)}"`
      if (fault === 'cut-answer') {
        answer.writeHead(response.statusCode ?? 0, { ...made, 'content-length': String(bytes.length) })
        answer.write(bytes.subarray(0, bytes.length >> 1), () => incoming.socket.destroy())
        return
      }
      answer.writeHead(response.statusCode ?? 0, made).end(bytes)
    })
    onward.once('error', () => incoming.socket.destroy())
    onward.end(body)
  }
}

function givenBy({ RAFTERDB_S3_PORT: port, RAFTERDB_S3_DIRECTORY: directory }: NodeJS.ProcessEnv) {
  return port === undefined || directory === undefined ? null : { port: Number(port), directory }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function refuse(answer: ServerResponse, status: number, code: string, text: string): void {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${text}</Message></Error>`
  answer.writeHead(status, { 'content-type': 'application/xml', 'content-length': String(xml.length) }).end(xml)
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}

/** S3's code for what is wrong with a request's signature, its date or its body; null: nothing. */
async function wrongWith(incoming: IncomingMessage, url: URL, body: Buffer): Promise<string | null> {
  const { authorization = '', ...headers } = incoming.headers as Record<string, string>
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d+\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/.exec(
      authorization,
    )
  if (found === null) return 'AccessDenied'
  const [, accessKeyId, region, names = '', signature] = found
  if (accessKeyId !== KEYS.accessKeyId) return 'InvalidAccessKeyId'
  if (region !== REGION) return 'AuthorizationHeaderMalformed'
  const at = timeOf(headers['x-amz-date'])
  if (!(Math.abs(at.getTime() - Date.now()) < 900_000)) return 'RequestTimeTooSkewed'
  if (headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex')) return 'XAmzContentSHA256Mismatch'
  const list = names.split(';')
  if (!list.includes('host')) return 'AccessDenied'
  const signedHeaders = Object.fromEntries(list.map((name) => [name, headers[name] ?? '']))
  const ours = await authorizationOf(incoming.method ?? '', url, signedHeaders, body)
  return ours.endsWith(`Signature=${signature}`) ? null : 'SignatureDoesNotMatch'
}

/** The header by which a request is signed with all its headers but such a one, at the time that they say. */
async function authorizationOf(
  method: string,
  url: URL,
  { authorization: _, ...headers }: Record<string, string>,
  body: Buffer,
): Promise<string> {
  const signer = new SignatureV4({
    ...{ credentials: KEYS, region: REGION, service: 's3', uriEscapePath: false },
    sha256: Sha256,
    applyChecksum: true,
  })
  const query = Object.fromEntries(url.searchParams)
  const asked = { method, protocol: 'http:', hostname: url.hostname, path: url.pathname, query, headers, body }
  const signed = await signer.sign(asked, { signingDate: timeOf(headers['x-amz-date']) })
  return signed.headers['authorization'] ?? ''
}

const timeOf = (date = ''): Date => new Date(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))

/** What AWS's signer hashes with. */
class Sha256 {
  readonly #hash
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret))
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytes(data))
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
  reset(): void {}
}

const bytes = (data: string | ArrayBuffer | ArrayBufferView): string | Uint8Array =>
  typeof data === 'string'
    ? data
    : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data)
