// Backups in a bucket of an object store that speaks S3's REST, one object each. What goes over the wire is client.ts's.
import type { IncomingMessage } from 'node:http'
import type { BackupStore } from '../../client/api.js'
import { RafterError } from '../../errors.js'
import { unknownName } from '../../nearest.js'
import { SUFFIX } from '../directory.js'
import { type Answer, type Bucket, Refusal, S3Client } from './client.js'
import type { S3Credentials } from './signature.js'
import { PART_BYTES_MIN, upload } from './upload.js'
import { elements, elementText } from './xml.js'

export type { S3Credentials } from './signature.js'

export interface S3StoreOptions {
  bucket: string
  /** What the names of the objects begin with, with a slash after it. Default: nothing. The backups of one cluster need one of their own. */
  prefix?: string | undefined
  /** Such as `http://127.0.0.1:9000`. Default: `https://s3.REGION.amazonaws.com`. */
  endpoint?: string | undefined
  /** Default `us-east-1`. */
  region?: string | undefined
  /** Keys, or what is asked for them before each request. */
  credentials: S3Credentials | (() => Promise<S3Credentials>)
  /** The bucket's name is in the path, not in the host's name. Default: if an endpoint is given. */
  pathStyle?: boolean | undefined
  /** Bytes of the parts in which a large backup is sent; three are in memory. They grow after a thousand. Default 16 MiB, at least 5 MiB. */
  partBytes?: number | undefined
  /** Milliseconds for which a connection may be still before the request is made again. Default 30,000. */
  timeout?: number | undefined
}

const OPTIONS = ['bucket', 'prefix', 'endpoint', 'region', 'credentials', 'pathStyle', 'partBytes', 'timeout']
const REGION = 'us-east-1'
const PART_BYTES = 16 * 2 ** 20
const TIMEOUT_MS = 30_000
const PAGES_MAX = 10_000
const READ_AGAIN = 5
const CUT_PAUSE_MS = 200

/**
 * A bucket, for `db.backup`, `verifyBackup` and `restoreBackup`. A backup is there when all of it is. What fails on the way, or is told to come
 * back later, is tried five times. INVALID_ARGUMENT; its calls: ACCESS_DENIED, INVALID_ARGUMENT (no such bucket, another region), IO.
 */
export function s3Store(options: S3StoreOptions): BackupStore {
  const { client, prefix, partBytes } = checked(options)
  return {
    list: () => list(client, prefix),
    read: (name, last) => read(client, prefix + name, last),
    write: (name, chunks) => upload(client, prefix + name, chunks, partBytes),
  }
}

function checked(options: S3StoreOptions): { client: S3Client; prefix: string; partBytes: number } {
  const refuse = (text: string) => new RafterError('INVALID_ARGUMENT', `s3Store: ${text}`)
  for (const name of Object.keys(options)) if (!OPTIONS.includes(name)) throw refuse(unknownName('option', name, OPTIONS))
  const { bucket, prefix = '', region = REGION, credentials, partBytes = PART_BYTES, timeout = TIMEOUT_MS } = options
  const endpoint = endpointOf(options.endpoint ?? `https://s3.${region}.amazonaws.com`, refuse)
  if (typeof bucket !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(bucket))
    throw refuse('bucket must be the name of a bucket')
  if (!Number.isInteger(partBytes) || partBytes < PART_BYTES_MIN) throw refuse(`partBytes must be at least ${PART_BYTES_MIN}`)
  if (!(timeout > 0)) throw refuse('timeout must be a number of milliseconds above 0')
  const keys = typeof credentials === 'function' ? credentials : () => Promise.resolve(credentials)
  if (typeof credentials !== 'function' && !(credentials?.accessKeyId && credentials.secretAccessKey)) {
    throw refuse('credentials must have accessKeyId and secretAccessKey')
  }
  const pathStyle = options.pathStyle ?? options.endpoint !== undefined
  const made: Bucket = { name: bucket, endpoint, region, pathStyle, credentials: keys, timeout }
  const folder = prefix.replace(/^\/+|\/+$/g, '')
  return { client: new S3Client(made), prefix: folder === '' ? '' : `${folder}/`, partBytes }
}

function endpointOf(text: string, refuse: (text: string) => RafterError): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.username !== '') {
    throw refuse(`endpoint must be such as https://storage.example.com:9000, not ${text}`)
  }
  return url
}

async function list(client: S3Client, prefix: string): Promise<string[]> {
  const names: string[] = []
  let token: string | null = null
  for (let page = 0; page < PAGES_MAX; page++) {
    const from: [string, string][] = token === null ? [] : [['continuation-token', token]]
    const query = [['list-type', '2'], ['prefix', prefix], ['delimiter', '/'], ...from] as [string, string][]
    const xml = await client.text({ method: 'GET', key: '', query })
    for (const object of elements(xml, 'Contents')) names.push(elementText(object, 'Key') ?? '')
    token = elementText(xml, 'NextContinuationToken')
    if (elementText(xml, 'IsTruncated') !== 'true') {
      return names.filter((name) => name.startsWith(prefix) && name.endsWith(SUFFIX)).map((name) => name.slice(prefix.length))
    }
    if (token === null)
      throw new RafterError('IO', `${client.where(prefix)}: a list that is cut off, and does not say where it goes on`)
  }
  throw new RafterError('IO', `${client.where(prefix)}: a list of more than ${PAGES_MAX} pages`)
}

/** Where in an object an answer is, and how much of it there is. */
interface Place {
  start: number
  size: number
}

function placeOf({ status, headers }: Answer): Place {
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers['content-range'] ?? '')
  if (status === 206 && range !== null) return { start: Number(range[1]), size: Number(range[2]) }
  const length = headers['content-length']
  return { start: 0, size: length === undefined ? Number.POSITIVE_INFINITY : Number(length) }
}

/** Goes on where it was cut off, as long as it is the same object. */
async function* read(client: S3Client, key: string, last: number | undefined): AsyncGenerator<Uint8Array> {
  let range = last === undefined ? undefined : `bytes=-${last}`
  let at: number | null = null
  let tag: string | undefined
  for (let failures = 0; ; ) {
    const headers = { ...(range === undefined ? {} : { range }), ...(tag === undefined ? {} : { 'if-match': tag }) }
    const answer = await client.ask({ method: 'GET', key, headers }, (it) => it).catch(noneLeft)
    if (answer === null) return
    const { start, size } = placeOf(answer)
    tag ??= answer.headers.etag
    at ??= last === undefined ? 0 : Math.max(0, size - last)
    const before: number = at
    let skipped = at - start
    try {
      for await (const chunk of bytesOf(answer.body)) {
        const wanted: Buffer = chunk.subarray(Math.max(0, skipped))
        skipped -= chunk.length
        at += wanted.length
        if (wanted.length > 0) yield wanted
      }
      if (at >= size || size === Number.POSITIVE_INFINITY) return
      throw new Error(`it ended after ${at} bytes of ${size}`)
    } catch (error) {
      failures = at > before ? 1 : failures + 1
      if (failures >= READ_AGAIN)
        throw new RafterError('IO', `GET ${client.where(key)}: ${(error as Error).message}`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, CUT_PAUSE_MS * failures))
      range = `bytes=${at}-`
    }
  }
}

/** An empty object has no last bytes: S3 refuses the range. */
function noneLeft(error: unknown): null {
  if (error instanceof Refusal && error.status === 416) return null
  throw error
}

/** The chunks; who leaves early closes the connection. */
async function* bytesOf(body: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk
  } finally {
    body.destroy()
  }
}
