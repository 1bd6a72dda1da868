// The bytes that leave the client and the bytes that it understands are those of FORMATS.md, written out by hand.
import { expect, test } from 'vitest'
import type { Database } from '../../src/client/api.js'
import type { Port } from '../../src/client/connection/port.js'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { compare, del, get, put, range } from '../../src/client/transaction/parts.js'
import { encodeChange } from '../../src/client/wire/change.js'

const hex = (text: string) => Buffer.from(text.replaceAll(/[^0-9a-f]/g, ''), 'hex')

/** The number that the session is given. */
const SESSION = '0102030405060000'

/** A random number, sequence 1, acked 1, START, no operations. */
function expectStart(request: Buffer): void {
  expect(request.readBigUInt64LE(16)).toBeGreaterThan(0n)
  expect(request.readBigUInt64LE(16)).toBeLessThan(2n ** 53n)
  expect(request.subarray(24).toString('hex')).toBe('010000000000000001000000000000000200000000000000')
}

/** A port that records what is submitted and answers what it is told. */
class RecordingPort implements Port {
  readonly submitted: Buffer[] = []
  answers: ((id: Buffer) => Buffer | null)[] = []
  notify: () => void = () => {}
  #waiting: Buffer[] = []

  submit(buffer: Uint8Array, length: number): number {
    const bytes = Buffer.from(buffer.subarray(0, length))
    for (let at = 0; at < bytes.length; at += 16 + bytes.readUInt32LE(at)) {
      const request = bytes.subarray(at, at + 16 + bytes.readUInt32LE(at))
      const starts = request[4] === 1 && request[40] === 2
      if (starts) expectStart(request)
      if (!starts) this.submitted.push(request)
      // The start of a session is answered: PLAIN, its number, no operations.
      const answer = starts ? hex('0c000000 01 01 0000') : (this.answers.shift() ?? (() => null))(request.subarray(8, 16))
      if (answer === null) continue
      this.#waiting.push(starts ? Buffer.concat([answer, request.subarray(8, 16), hex(`${SESSION} 00000000`)]) : answer)
      setImmediate(() => this.notify())
    }
    return 0
  }

  drain(into: Uint8Array): number {
    const bytes = Buffer.concat(this.#waiting.splice(0))
    into.set(bytes)
    return bytes.length
  }

  close(): void {}
}

async function recorded(run: (db: Database) => void): Promise<Buffer> {
  const port = new RecordingPort()
  const db = await createEmbedded({ ports: (_, notify) => Object.assign(port, { notify }), requestTimeout: 20 })
  run(db)
  await new Promise((resolve) => setTimeout(resolve, 5))
  const request = port.submitted[0]!
  await db.close()
  return request
}

const ignore = (promise: Promise<unknown>) => void promise.catch(() => {})

/** The WRITE around an operation: header and batch header, with the session, id and length left out. */
function expectWrite(request: Buffer, operation: string): void {
  const operationBytes = hex(operation)
  expect(request.readUInt32LE(0)).toBe(32 + operationBytes.length)
  expect(request.subarray(4, 8).toString('hex')).toBe('01000000')
  expect(request.subarray(16, 24).toString('hex')).toBe(SESSION)
  // Sequence 2 (1 started the session), acked 2, no flags, one operation.
  expect(request.subarray(24, 48).toString('hex')).toBe('020000000000000002000000000000000000000001000000')
  expect(request.subarray(48).toString('hex')).toBe(operationBytes.toString('hex'))
}

test('put', async () => {
  expectWrite(await recorded((db) => ignore(db.put('key', 'vä'))), '01 00 0000 03000000 03000000 6b6579 76c3a4')
})

test('delete of a key, of a prefix, of everything', async () => {
  expectWrite(await recorded((db) => ignore(db.delete('k'))), '02 00 0000 01000000 00000000 6b')
  expectWrite(await recorded((db) => ignore(db.delete({ prefix: 'ab' }))), '02 00 0000 02000000 02000000 6162 6163')
  expectWrite(await recorded((db) => ignore(db.delete({ prefix: '' }))), '02 00 0000 01000000 01000000 00 00')
})

test('compact', async () => {
  expectWrite(await recorded((db) => ignore(db.compact(2 ** 40 + 5))), '04 00 0000 0500000000010000')
})

test('raise of the revision', async () => {
  expectWrite(await recorded((db) => ignore(db.raiseRevision(2 ** 40 + 5))), '06 00 0000 0500000000010000')
})

test('txn', async () => {
  const request = await recorded((db) => {
    const txn = db.txn().if(compare('k', 'version', '>', 7), compare({ prefix: 'p' }, 'value', '!=', 'v'))
    ignore(
      txn
        .then(put('k', 'v', { previous: true }), del('d'))
        .else(get('g'), range({ from: 'f', limit: 3, reverse: true }))
        .commit(),
    )
  })
  const compares = '01 00 0000 01000000 00000000 08000000 6b 0700000000000000  03 03 0000 01000000 01000000 01000000 70 71 76'
  const then = '01 01 0000 01000000 01000000 6b 76  02 00 0000 01000000 00000000 64'
  const otherwise =
    '05 00 0000 01000000 00000000 0000000000000000 0000000000000000 67' +
    '05 04 0000 01000000 01000000 0300000000000000 0000000000000000 66 00'
  const lengths = [compares, then, otherwise].map((part) => `${hex(part).length.toString(16).padStart(2, '0')}000000`)
  expectWrite(request, `03 00 0200 0200 0200 ${lengths.join(' ')} ${compares} ${then} ${otherwise}`)
})

test('reads', async () => {
  const linearizable = await recorded((db) => ignore(db.get('k', { revision: 9 })))
  expect(linearizable.subarray(4, 8).toString('hex')).toBe('02000000')
  expect(linearizable.subarray(16).toString('hex')).toBe(
    hex('00 000000 01000000 0000000000000000  05 00 0000 01000000 00000000 0000000000000000 0900000000000000 6b').toString('hex'),
  )
  const bounded = await recorded((db) => ignore(db.count({ from: 'a', to: 'b' }, { maxStaleness: 250 })))
  expect(bounded.subarray(16).toString('hex')).toBe(
    hex('02 000000 01000000 fa00000000000000  05 02 0000 01000000 01000000 0000000000000000 0000000000000000 61 62').toString(
      'hex',
    ),
  )
})

test('watch', async () => {
  const request = await recorded((db) => void db.watch({ prefix: 'w', fromRevision: 6, previous: true }))
  expect(request.subarray(4, 8).toString('hex')).toBe('03000000')
  expect(request.subarray(16).toString('hex')).toBe(
    hex('03 000000 01000000 01000000 0600000000000000 00040000 0000000000000000 77 78').toString('hex'),
  )
})

test('change of the members', () => {
  const members = [
    { id: 2 ** 40 + 5, part: 5, priority: 0, name: 'ä', endpoint: 'h:1' },
    { id: 7, part: 0, priority: 200, name: 'b', endpoint: '' },
  ]
  expect(Buffer.from(encodeChange(2 ** 40 + 9, true, members)).toString('hex')).toBe(
    hex(
      '0900000000010000 01 00000000000000  02000000' +
        '0500000000010000 05 00 0200 0300 0000 c3a4 683a31' +
        '0700000000000000 00 c8 0100 0000 0000 62',
    ).toString('hex'),
  )
  expect(encodeChange(1, false, [])[8]).toBe(0)
})

test('a pair, an error and a plain answer', async () => {
  const port = new RecordingPort()
  const db = await createEmbedded({ ports: (_, notify) => Object.assign(port, { notify }) })
  const pair = '01000000 02000000 0300000000000000 0400000000000000 0200000000000000 0500000000000000 6b 7631'
  port.answers = [
    (id) => Buffer.concat([hex('0c000000 01 01 0000'), id, hex('0700000000000000 01000000')]),
    (id) =>
      Buffer.concat([
        hex('4f000000 02 00 0000'),
        id,
        hex(`0000 05 00 3f000000 0900000000000000 0100000000000000 01000000 ${pair}`),
      ]),
    (id) => Buffer.concat([hex('1a000000 02 00 0000'), id, hex('0b00 05 00 0a000000 0900000000000000 0800000000000000 6e6f')]),
  ]
  expect(await db.put('k', 'v1')).toEqual({ revision: 7 })
  expect(await db.getPair('k')).toEqual({ key: 'k', value: 'v1', createRevision: 3, modRevision: 4, version: 2, lease: 5 })
  await expect(db.get('k', { revision: 8 })).rejects.toMatchObject({ code: 'COMPACTED', message: expect.stringContaining('no') })
  await db.close()
})

test('canary: a wrong vector does not match', async () => {
  const request = await recorded((db) => ignore(db.put('key', 'v')))
  expect(() => expectWrite(request, '01 00 0000 03000000 01000000 6b6579 77')).toThrow()
})
