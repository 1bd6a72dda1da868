// Backups in a bucket: made, verified and restored over S3's REST against a store that checks every signature and every body, whatever goes
// wrong on the way: what is there is whole, and what is not whole is not there.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  type Backup,
  type BackupStore,
  type Database,
  open,
  restoreBackup,
  type S3StoreOptions,
  s3Store,
  verifyBackup,
} from 'rafterdb'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { signed } from '../../src/backup/s3/signature.js'
import { elements, elementText, escaped } from '../../src/backup/s3/xml.js'
import { rafterdb } from '../cluster/command.js'
import { Cluster } from '../cluster/harness.js'
import { shell } from '../server/shell.js'
import { type Asked, BUCKET, type Fault, KEYS, ObjectStore, REGION } from './object-store.js'
import { embedded, type Row, rows, scratch } from './sources.js'

const MIB = 1 << 20
const { dir, remove } = scratch('backup-s3')
let objects: ObjectStore
let prefixes = 0
let prefix = ''

beforeAll(async () => {
  objects = await ObjectStore.start(join(dir, 'objects'))
})
afterAll(async () => {
  await objects[Symbol.asyncDispose]()
  remove()
})
beforeEach(() => {
  prefix = `cluster ${++prefixes}/ü+&`
  objects.asked.length = 0
})
afterEach(() => {
  objects.fault = () => undefined
  objects.pageKeys = 1_000
  expect(objects.unfinished).toEqual([])
})

const storeWith = (more: Partial<S3StoreOptions> = {}): BackupStore =>
  s3Store({
    ...{ bucket: BUCKET, prefix, endpoint: objects.endpoint, region: REGION, credentials: KEYS, partBytes: 5 * MIB },
    ...more,
  })

/** Has the fault strike the first requests of a kind. */
function strike(fault: Fault, count: number, isMeant: (asked: Asked) => boolean): void {
  let left = count
  objects.fault = (asked) => (isMeant(asked) && left-- > 0 ? fault : undefined)
}

const isPart = ({ method, query }: Asked) => method === 'PUT' && query.has('partNumber')
const isPut = ({ method, query }: Asked) => method === 'PUT' && !query.has('partNumber')
const isComplete = ({ method, query }: Asked) => method === 'POST' && query.has('uploadId')
const isList = ({ query }: Asked) => query.has('list-type')

async function* chunksOf(bytes: Uint8Array, size = 300_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(store: BackupStore, name: string, last?: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of store.read(name, last)) parts.push(part)
  return Buffer.concat(parts)
}

const small = randomBytes(100_000)
const large = randomBytes(12 * MIB + 7)

test('a chain of backups is made, verified and restored', async () => {
  const db = await embedded(dir, 'source')
  const store = storeWith()
  const made: Backup[] = []
  let wanted: Row[] = []
  for (let i = 0; i < 3; i++) {
    // Random bytes, so that the first has several parts.
    for (let n = 0; n < (i === 0 ? 120 : 5); n++) await db.put(`key/${i}/${n}`, randomBytes(100_000))
    made.push(await db.backup(store))
    wanted = await rows(db)
  }
  await db.close()
  expect(made.map(({ kind }) => kind)).toEqual(['full', 'incremental', 'incremental'])
  expect(objects.countOf('PUT', isPart)).toBe(3)
  expect((await verifyBackup(store)).map(({ id, bytes }) => [id, bytes])).toEqual(made.map(({ id, bytes }) => [id, bytes]))
  const dataDir = join(dir, 'restored')
  await restoreBackup(store, { dataDir })
  const restored: Database = await open({ dataDir, log: 'off' })
  expect(await rows(restored)).toEqual(wanted)
  await restored.close()
  // Another prefix is another place, and so is a folder in it.
  expect(await storeWith({ prefix: 'other' }).list()).toEqual([])
  expect(await storeWith({ prefix: prefix.split('/')[0] }).list()).toEqual([])
})

test('the last bytes alone are read, and all if there are fewer', async () => {
  const store = storeWith()
  await store.write('one.backup', chunksOf(small))
  expect((await read(store, 'one.backup')).equals(small)).toBe(true)
  expect(await read(store, 'one.backup', 100)).toEqual(small.subarray(-100))
  expect((await read(store, 'one.backup', 200_000)).equals(small)).toBe(true)
  objects.fault = () => 'ignore-range'
  expect(await read(store, 'one.backup', 100)).toEqual(small.subarray(-100))
})

test.each([
  ['one part', small, isPut],
  ['several', large, isPart],
])('what fails on the way up is sent again: %s', async (_, bytes, isMeant) => {
  const faults: Fault[] = ['unavailable', 'cut-request', 'lost-answer', 'cut-answer', 'wrong-tag']
  for (const fault of faults) {
    strike(fault, 2, isMeant)
    await storeWith().write(`${fault}.backup`, chunksOf(bytes))
    expect((await read(storeWith(), `${fault}.backup`)).equals(bytes)).toBe(true)
  }
  strike('hang', 1, isMeant)
  await storeWith({ timeout: 300 }).write('hang.backup', chunksOf(bytes))
  expect(await storeWith().list()).toHaveLength(faults.length + 1)
})

test.each(['unavailable', 'lost-answer', 'bad-complete', 'cut-answer'] as const)(
  'an upload is completed once though its completion fails: %s',
  async (fault) => {
    strike(fault, 2, isComplete)
    await storeWith().write('one.backup', chunksOf(large))
    expect((await read(storeWith(), 'one.backup')).equals(large)).toBe(true)
  },
)

test.each([
  ['unavailable', isPart],
  ['unavailable', isComplete],
  ['bad-complete', isComplete],
  ['wrong-tag', isPart],
  ['cut-request', isPart],
] as const)('what fails again and again leaves nothing: %s', async (fault, isMeant) => {
  strike(fault, 1_000, isMeant)
  await expect(storeWith().write('one.backup', chunksOf(large))).rejects.toMatchObject({ code: 'IO' })
  objects.fault = () => undefined
  expect(await storeWith().list()).toEqual([])
  expect(objects.asked.filter(isMeant).length).toBeLessThan(16)
})

test('what ends early because whoever makes it fails leaves nothing', async () => {
  for (const length of [1_000, 7 * MIB, 12 * MIB]) {
    const failing = (async function* () {
      yield* chunksOf(large.subarray(0, length))
      throw new Error('no more')
    })()
    await expect(storeWith().write('one.backup', failing)).rejects.toThrow('no more')
    expect(await storeWith().list()).toEqual([])
    expect(objects.unfinished).toEqual([])
  }
})

test('an object that is not as long as what was sent is removed', async () => {
  strike('wrong-size', 1, ({ method }) => method === 'HEAD')
  await expect(storeWith().write('one.backup', chunksOf(small))).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringMatching(/has 1 bytes of 100000 that were sent; it was removed/),
  })
  expect(await storeWith().list()).toEqual([])
})

test('a backup is not seen before it is whole', async () => {
  let seen: string[] | null = null
  objects.fault = (asked) => {
    if (isPart(asked) && seen === null)
      void storeWith()
        .list()
        .then((names) => (seen = names))
    return undefined
  }
  const slow = (async function* () {
    for await (const chunk of chunksOf(large)) {
      yield chunk
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })()
  await storeWith().write('one.backup', slow)
  expect(seen).toEqual([])
  expect(await storeWith().list()).toEqual(['one.backup'])
})

test('an answer that is cut off goes on where it was', async () => {
  await storeWith().write('one.backup', chunksOf(large))
  objects.asked.length = 0
  // Half of the rest each time.
  strike('cut-answer', 3, ({ method }) => method === 'GET')
  expect((await read(storeWith(), 'one.backup')).equals(large)).toBe(true)
  expect(objects.countOf('GET')).toBe(4)
  strike('hang', 1_000, ({ method }) => method === 'GET')
  await expect(read(storeWith({ timeout: 100 }), 'one.backup')).rejects.toMatchObject({ code: 'IO' })
})

test('a list of several pages is read to its end, and one that cannot be read is no empty one', async () => {
  const pages = storeWith({ prefix: 'pages' })
  const names = Array.from({ length: 7 }, (_, i) => `${i}.backup`)
  for (const name of [...names, 'something else']) await pages.write(name, chunksOf(small.subarray(0, 10)))
  objects.pageKeys = 3
  objects.asked.length = 0
  expect((await pages.list()).sort()).toEqual(names)
  expect(objects.countOf('GET', isList)).toBe(3)
  strike('unavailable', 2, isList)
  expect(await pages.list()).toHaveLength(7)
  strike('cut-answer', 1_000, isList)
  await expect(pages.list()).rejects.toMatchObject({ code: 'IO' })
})

test('wrong keys, a wrong region, a missing bucket and an absent server are told apart, and not asked again', async () => {
  const refused = async (more: Partial<S3StoreOptions>, code: string, text: RegExp, count = 1) => {
    objects.asked.length = 0
    await expect(storeWith(more).list()).rejects.toMatchObject({ code, message: expect.stringMatching(text) })
    expect(objects.asked).toHaveLength(count)
  }
  const wrong = { ...KEYS, secretAccessKey: 'wrong' }
  await refused({ credentials: wrong }, 'ACCESS_DENIED', /SignatureDoesNotMatch.*see that the keys are right/)
  await refused({ credentials: { ...KEYS, accessKeyId: 'X' } }, 'ACCESS_DENIED', /InvalidAccessKeyId/)
  await refused({ region: 'elsewhere' }, 'ACCESS_DENIED', /AuthorizationHeaderMalformed/)
  await refused({ bucket: 'missing' }, 'INVALID_ARGUMENT', /there is no bucket missing at 127\.0\.0\.1/)
  await refused({ endpoint: 'http://127.0.0.1:1', timeout: 500 }, 'IO', /ECONNREFUSED/, 0)
  await expect(storeWith({ credentials: wrong }).write('one.backup', chunksOf(small))).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
  })
  const asked = storeWith({ credentials: async () => KEYS })
  expect(await asked.list()).toEqual([])
})

test('options that cannot be used are said', () => {
  const options = { bucket: BUCKET, credentials: KEYS }
  const cases: [object, RegExp][] = [
    [{ ...options, bucket: '' }, /bucket must be/],
    [{ ...options, bucket: 'a/b' }, /bucket must be/],
    [{ ...options, endpoint: 'localhost:9000' }, /endpoint must be such as https/],
    [{ ...options, partBytes: 1 }, /partBytes must be at least 5242880/],
    [{ ...options, credentials: { accessKeyId: 'a' } }, /credentials must have/],
    [{ ...options, buket: 'a' }, /did you mean bucket/],
  ]
  for (const [given, text] of cases) expect(() => s3Store(given as S3StoreOptions)).toThrow(text)
})

test('the signature is that of the examples of the S3 API', () => {
  const keys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
  const at = new Date('2013-05-24T00:00:00Z')
  const bodyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  const host = 'examplebucket.s3.amazonaws.com'
  const of = (request: { path: string; query: [string, string][]; headers: Record<string, string> }) =>
    signed({ method: 'GET', bodyHash, ...request }, keys, 'us-east-1', at)['authorization']?.split('Signature=')[1]
  expect(of({ path: '/test.txt', query: [], headers: { host, range: 'bytes=0-9' } })).toBe(
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  )
  expect(of({ path: '/', query: [['lifecycle', '']], headers: { host } })).toBe(
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  )
  const list: [string, string][] = [
    ['prefix', 'J'],
    ['max-keys', '2'],
  ]
  expect(of({ path: '/', query: list, headers: { host } })).toBe(
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  )
})

test('names come out of XML as they went in', () => {
  const name = `a&b<c>"d' ü/ü`
  const xml = `<R xmlns="x"><Contents><Key>${escaped(name)}</Key></Contents><Contents><Key>&#xfc;&amp;&lt;</Key></Contents></R>`
  expect(elements(xml, 'Contents').map((each) => elementText(each, 'Key'))).toEqual([name, 'ü&<'])
  expect(elementText(xml, 'Missing')).toBeNull()
})

test('the commands take s3://bucket/prefix, with keys from the environment', async () => {
  await using cluster = await Cluster.start({ kinds: ['serve'] })
  const db = await cluster.client()
  await db.put('a', '1')
  const env = { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey, AWS_REGION: REGION }
  const place = [`s3://${BUCKET}/commands`, '--s3-endpoint', objects.endpoint]
  const endpoints = ['--endpoints', cluster.endpoints.join()]
  const dies = { ...env, RAFTERDB_FAULTS: 'backup.sent=abort' }
  expect(await rafterdb(['backup', ...place, ...endpoints], { ...env, RAFTERDB_FAULTS: 'backup.part=abort' })).toMatchObject({
    code: 'SIGABRT',
  })
  expect(await rafterdb(['verify', ...place], env)).toMatchObject({ code: 1, err: expect.stringMatching(/there is no backup/) })
  expect(await rafterdb(['backup', ...place, ...endpoints], dies)).toMatchObject({ code: 'SIGABRT' })
  expect(await rafterdb(['verify', ...place], env)).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/\nfull-/) })
  await db.put('a', '2')
  expect(await rafterdb(['backup', ...place, ...endpoints], env)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^incremental/),
  })
  const dataDir = join(dir, 'commands')
  expect(await rafterdb(['restore', ...place, '--data-dir', dataDir], env)).toMatchObject({ code: 0 })
  const restored = await open({ dataDir, log: 'off' })
  expect(await restored.get('a')).toBe('2')
  await restored.close()

  const mistakes: [string[], Record<string, string>, RegExp][] = [
    [['verify', ...place], {}, /needs keys: set AWS_ACCESS_KEY_ID/],
    [['verify', 's3:/bucket'], env, /must be such as s3:\/\/bucket\/prefix/],
    [['verify', 'here', '--s3-endpoint', 'http://x'], env, /go with s3:\/\/bucket\/prefix, not with here/],
    [['verify', ...place, 'there'], env, /a bucket stands alone/],
    [['backup', '--out', 's3://a/b'], env, /takes a file; give s3:/],
  ]
  for (const [args, given, text] of mistakes)
    expect([args, await shell(args, { env: given })]).toMatchObject([args, { code: 2, err: expect.stringMatching(text) }])
  const denied = await rafterdb(['verify', ...place], { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' })
  expect(denied).toMatchObject({ code: 1, err: expect.stringMatching(/SignatureDoesNotMatch.*\(ACCESS_DENIED\)\n$/) })
})

test('a process that dies between the parts of a backup and its end leaves none, and the next one is whole', async () => {
  await using cluster = await Cluster.start({ kinds: ['serve'] })
  const db = await cluster.client()
  for (let n = 0; n < 200; n++) await db.put(`key/${n}`, randomBytes(100_000))
  const env = { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey, AWS_REGION: REGION }
  const backup = ['backup', `s3://${BUCKET}/dies`, '--s3-endpoint', objects.endpoint, '--endpoints', cluster.endpoints.join()]
  for (const point of ['backup.part=abort@2', 'backup.parts=abort']) {
    expect(await rafterdb(backup, { ...env, RAFTERDB_FAULTS: point })).toMatchObject({ code: 'SIGABRT' })
    // Seen by nobody but the bucket's rules.
    expect(objects.unfinished).toHaveLength(1)
    expect(await storeWith({ prefix: 'dies' }).list()).toEqual([])
    objects.forget()
  }
  expect(await rafterdb(backup, env)).toMatchObject({ code: 0 })
  expect(await verifyBackup(storeWith({ prefix: 'dies' }))).toMatchObject([{ pairs: 200 }])
})
