// AWS Signature Version 4 of a request in its headers, as "Authenticating Requests (AWS Signature Version 4)" of the S3 API has it. Pure.
import { createHash, createHmac } from 'node:crypto'

/** Whose request it is. */
export interface S3Credentials {
  accessKeyId: string
  secretAccessKey: string
  /** Of temporary credentials. */
  sessionToken?: string | undefined
}

export interface Unsigned {
  method: string
  /** As it is sent: encoded by `encodedPath`. */
  path: string
  query: readonly (readonly [name: string, value: string])[]
  /** By lower-case names; `host` among them. All are signed. */
  headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hex. */
  bodyHash: string
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
const SERVICE = 's3'

/** The headers of the request with its date, the hash of its body and its signature. */
export function signed(request: Unsigned, credentials: S3Credentials, region: string, at: Date): Record<string, string> {
  const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '')
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const headers: Record<string, string> = {
    ...request.headers,
    'x-amz-content-sha256': request.bodyHash,
    'x-amz-date': time,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  }
  const names = Object.keys(headers).sort()
  const canonical = [
    request.method,
    request.path,
    queryString(request.query),
    ...names.map((name) => `${name}:${headers[name]?.trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    request.bodyHash,
  ].join('\n')
  const scope = `${time.slice(0, 8)}/${region}/${SERVICE}/aws4_request`
  const text = [ALGORITHM, time, scope, sha256(canonical)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>((made, part) => hmac(made, part), `AWS4${secretAccessKey}`)
  const signature = hmac(key, text).toString('hex')
  const authorization = `${ALGORITHM} Credential=${accessKeyId}/${scope},SignedHeaders=${names.join(';')},Signature=${signature}`
  return { ...headers, authorization }
}

/** In the order in which it is signed, as it is sent. */
export function queryString(query: Unsigned['query']): string {
  const pairs = query.map(([name, value]) => [encoded(name), encoded(value)] as const)
  return pairs
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&')
}

/** A path with all but its slashes encoded. */
export const encodedPath = (path: string): string => path.split('/').map(encoded).join('/')

export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** All but letters, digits and `-._~`, as RFC 3986 has it. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
