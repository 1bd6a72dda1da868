// Bytes and signals of another realm (a `vm` context, jest) are as good as our own; what only looks like bytes is refused.
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Bytes } from '../../src/client/api.js'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { compare, del, put } from '../../src/client/transaction/parts.js'
import { memberOptions } from '../../src/cluster/options.js'
import { packKeys } from '../../src/library/packed-keys.js'
import { FakeNetwork } from './fake-member.js'

const foreign = (text: string): Uint8Array => runInNewContext('Uint8Array.from(codes)', { codes: [...Buffer.from(text)] })

test('canary: they are no instances of our class', () => {
  expect(foreign('a')).not.toBeInstanceOf(Uint8Array)
})

test('every call takes bytes of another realm', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  await db.put(foreign('a'), foreign('1'))
  expect(await db.get(foreign('a'))).toBe('1')
  expect(await db.count({ prefix: foreign('a') })).toBe(1)
  const key = foreign('a')
  expect(compare(key, 'version', '=', 0).key).toBe(key)
  expect(del(key)).toHaveProperty('key', key)
  const { succeeded } = await db
    .txn()
    .if(compare(foreign('a'), 'value', '=', foreign('1')), compare(foreign('b'), 'version', '=', 0))
    .then(del(foreign('a')), put(foreign('b'), foreign('2')))
    .commit()
  expect(succeeded).toBe(true)
  expect(await db.get('a')).toBeNull()
  expect(await db.get('b')).toBe('2')
  expect(await db.delete(foreign('b'))).toMatchObject({ deleted: 1 })
  await db.watch({ key: foreign('b') })[Symbol.asyncDispose]()
  await db.close()
})

test('the token of a cluster and the keys of a ring may be of another realm', () => {
  const clusterToken = foreign('0123456789abcdef')
  expect(memberOptions({ dataDir: 'x', clusterToken }).config.clusterToken).toBe(Buffer.from('0123456789abcdef').toString('hex'))
  expect(Buffer.from(packKeys([foreign('key')]).buffer).toString()).toBe('key')
})

test.each<[string, unknown]>([
  ['numbers of 16 bits', new Uint16Array(2)],
  ['an ArrayBuffer', new ArrayBuffer(2)],
  ['an array of numbers', [1, 2]],
  ['a Map', new Map()],
])('%s is not bytes, and that is INVALID_ARGUMENT', async (_, key) => {
  const db = await createEmbedded({ ports: new FakeNetwork().ports })
  await expect(db.put(key as Bytes, '1')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  const txn = db.txn().if(compare(key as Bytes, 'version', '=', 0))
  await expect(txn.commit()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await db.close()
})

test('a signal of another realm or library ends a call', async () => {
  const network = new FakeNetwork()
  const db = await createEmbedded({ ports: network.ports })
  network.first.stopped = true
  const own = new AbortController()
  // As jsdom's: the same shape, another class.
  const signal = {
    get aborted() {
      return own.signal.aborted
    },
    get reason() {
      return own.signal.reason
    },
    addEventListener: own.signal.addEventListener.bind(own.signal),
    removeEventListener: own.signal.removeEventListener.bind(own.signal),
  } as unknown as AbortSignal
  const call = db.put('a', '1', { signal })
  setImmediate(() => own.abort('because'))
  await expect(call).rejects.toMatchObject({ code: 'ABORTED', cause: 'because' })
  await expect(db.put('a', '1', { signal: {} as AbortSignal })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await db.close()
})
