// Brings bytes into a bucket under a name, whole or not at all: at once if they are few, else in parts that count when all are there.
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { RafterError } from '../../errors.js'
import { faultPoint } from '../../native/fault.js'
import { Refusal, type S3Client } from './client.js'
import { elementText, escaped } from './xml.js'

/** Bounds of S3. */
const PARTS_MAX = 10_000
export const PART_BYTES_MIN = 5 * 2 ** 20
/** Parts grow by their first size after so many: what has 16 MiB in the beginning goes to 880 GB in ten thousand. */
const GROWS_AFTER_PARTS = 1_000

/** `partBytes`: of the first parts. Errors: those of requests, and what `chunks` throws; then nothing is there. */
export async function upload(client: S3Client, key: string, chunks: AsyncIterable<Uint8Array>, partBytes: number): Promise<void> {
  const parts = inParts(chunks, partBytes)
  const first = (await parts.next()).value ?? Buffer.alloc(0)
  const second = await parts.next()
  try {
    let size = first.length
    if (second.done === true) {
      faultPoint('backup.part')
      await send(client, { key, body: first })
    } else size = await new Multipart(client, key).send(first, second.value, parts)
    faultPoint('backup.sent')
    await checkSize(client, key, size)
  } finally {
    await parts.return(undefined)
  }
}

/** An object that comes in parts. */
class Multipart {
  #id = ''
  readonly #tags: string[] = []
  #size = 0

  constructor(
    private readonly client: S3Client,
    private readonly key: string,
  ) {}

  /** Resolves to the bytes of all. */
  async send(first: Buffer, second: Buffer, rest: AsyncIterable<Buffer>): Promise<number> {
    const { client, key } = this
    const begun = await client.text({ method: 'POST', key, query: [['uploads', '']] })
    this.#id = elementText(begun, 'UploadId') ?? ''
    if (this.#id === '') throw new RafterError('IO', `POST ${client.where(key)}: an answer without an UploadId`)
    try {
      await this.#sendAll(first, second, rest)
      faultPoint('backup.parts')
      await this.#complete()
    } catch (error) {
      // What was sent is seen by nobody; if it cannot be removed either, the bucket's rules do it one day.
      await client.headers({ method: 'DELETE', key, query: [['uploadId', this.#id]] }).catch(() => {})
      throw error
    }
    return this.#size
  }

  /** One part is sent while the next one is gathered. */
  async #sendAll(first: Buffer, second: Buffer, rest: AsyncIterable<Buffer>): Promise<void> {
    await this.#part(first)
    const noted = (part: Promise<void>) => {
      // Who waits for it meets its failure.
      part.catch(() => {})
      return part
    }
    let sending = noted(this.#part(second))
    try {
      for await (const part of rest) {
        await sending
        sending = noted(this.#part(part))
      }
      await sending
    } finally {
      // Nothing is under way any more when it is given up.
      await sending.catch(() => {})
    }
  }

  async #part(body: Buffer): Promise<void> {
    const number = this.#tags.push('')
    if (number > PARTS_MAX) {
      throw new RafterError(
        'INVALID_ARGUMENT',
        `${this.client.where(this.key)}: more than ${PARTS_MAX} parts; give a larger partBytes`,
      )
    }
    faultPoint('backup.part')
    const query = [
      ['partNumber', String(number)],
      ['uploadId', this.#id],
    ] as const
    this.#tags[number - 1] = await send(this.client, { key: this.key, query, body })
    this.#size += body.length
  }

  async #complete(): Promise<void> {
    const { client, key } = this
    const list = this.#tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escaped(tag)}</ETag></Part>`)
    const body = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`)
    try {
      await client.text({ method: 'POST', key, query: [['uploadId', this.#id]], body })
    } catch (error) {
      // The answer to an earlier try may have been lost: then all is there, which whoever looks next sees.
      if (!(error instanceof Refusal) || error.s3Code !== 'NoSuchUpload') throw error
    }
  }
}

/** Sends one body; resolves to what it is called there. What arrives as something else is sent again. */
function send(
  client: S3Client,
  { key, query = [], body }: { key: string; query?: readonly (readonly [string, string])[]; body: Buffer },
): Promise<string> {
  const sum = createHash('md5').update(body).digest('hex')
  return client.ask({ method: 'PUT', key, query, body }, ({ headers, body: rest }) => {
    rest.resume()
    const tag = headers.etag ?? ''
    if (isSum(headers, tag) && tag.replaceAll('"', '') !== sum) {
      throw new Refusal('IO', `PUT ${client.where(key)}: what arrived is not what was sent (ETag ${tag})`, 200, 'ETag', true)
    }
    return tag
  })
}

/** Whether an ETag is the MD5 of what was sent: not where the store encrypts with keys of its own. */
function isSum(headers: IncomingHttpHeaders, tag: string): boolean {
  const encryption = headers['x-amz-server-side-encryption'] ?? 'AES256'
  const isOwnKey = 'x-amz-server-side-encryption-customer-algorithm' in headers
  return encryption === 'AES256' && !isOwnKey && /^"?[0-9a-f]{32}"?$/.test(tag)
}

/** What is there now is all of it; if not, it goes. */
async function checkSize(client: S3Client, key: string, size: number): Promise<void> {
  const there = await client.headers({ method: 'HEAD', key })
  if (Number(there['content-length']) === size) return
  await client.headers({ method: 'DELETE', key }).catch(() => {})
  const text = `${client.where(key)} has ${there['content-length']} bytes of ${size} that were sent; it was removed: try again`
  throw new RafterError('IO', text)
}

/** The bytes in parts of that size, the last of which is shorter. */
async function* inParts(chunks: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Buffer> {
  let [gathered, bytes, count]: [Uint8Array[], number, number] = [[], 0, 0]
  for await (const chunk of chunks) {
    gathered.push(chunk)
    bytes += chunk.length
    if (bytes < partBytes * (1 + Math.floor(count / GROWS_AFTER_PARTS))) continue
    yield Buffer.concat(gathered)
    ;[gathered, bytes, count] = [[], 0, count + 1]
  }
  if (bytes > 0) yield Buffer.concat(gathered)
}
