// A write that is too large is refused at the door, whosever door it is, and the cluster goes on: an entry that does not
// fit the message that would take it to the followers can never be committed, and neither can anything after it.
import { connect } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Code } from '../../src/codes.js'
import { limits } from '../../src/limits.js'
import { u8, u16, u32, u64 } from '../client/fake-wire.js'
import { type Connection, dial, STRANGER } from '../fuzz/socket.js'
import { Cluster } from './harness.js'

const MIB = 1 << 20
const WRITE = 1
const READ = 2
const WATCH = 3
const REQUEST_HEADER_BYTES = 16
/** Long for one write, short for a hang. */
const PATIENCE_MS = 10_000

let cluster: Cluster

beforeAll(async () => {
  cluster = await Cluster.start()
})
afterAll(() => cluster[Symbol.asyncDispose]())

const put = (key: string, bytes: number) =>
  Buffer.concat([u8(1), u8(0), u16(0), u32(key.length), u32(bytes), Buffer.from(key), Buffer.alloc(bytes, 'v')])
const request = (type: number, id: number, body: Buffer) =>
  Buffer.concat([u32(body.length), u8(type), u8(0), u16(0), u64(id), body])
const write = (id: number, puts: Buffer[]) =>
  request(WRITE, id, Buffer.concat([u64(0), u64(0), u64(0), u32(0), u32(puts.length), ...puts]))

/** A batch of so many bytes in all, of values that are each small enough. */
function batchOf(id: number, bytes: number): Buffer {
  const header = REQUEST_HEADER_BYTES + 32
  const puts: Buffer[] = []
  let left = bytes - header
  for (let n = 0; left > 0; n++) {
    const size = Math.min(left, MIB)
    puts.push(put(`large/${id}/${n}`, size - 12 - `large/${id}/${n}`.length))
    left -= size
  }
  return write(id, puts)
}

/** Sends requests, in one frame if they fit; the codes that they are answered with, by id. */
async function ask(connection: Connection, requests: Buffer[]): Promise<Map<number, number>> {
  const together = Buffer.concat(requests)
  for (const body of together.length > limits.frameBytesMax ? requests : [together]) await connection.send(body)
  const codes = new Map<number, number>()
  while (codes.size < requests.length) {
    const delivery = await connection.next(PATIENCE_MS)
    if (delivery === null) return codes
    for (let at = 0; at < delivery.length; at += REQUEST_HEADER_BYTES + delivery.readUInt32LE(at)) {
      codes.set(Number(delivery.readBigUInt64LE(at + 8)), delivery.readUInt16LE(at + 6))
    }
  }
  return codes
}

async function endpoints(): Promise<string[]> {
  const leader = await cluster.leader()
  return [leader, ...cluster.members.filter((member) => member !== leader)].map(({ endpoint }) => endpoint)
}

test.each([
  ['the largest request', limits.requestBytesMax, Code.OK],
  ['a byte more', limits.requestBytesMax + 1, Code.REQUEST_TOO_LARGE],
  ['5 MiB', 5 * MIB, Code.REQUEST_TOO_LARGE],
  ['a whole frame', limits.frameBytesMax, Code.REQUEST_TOO_LARGE],
])('a batch of %s, at the leader and at the followers', async (_what, bytes, code) => {
  await using db = await connect({ endpoints: cluster.endpoints, requestTimeout: PATIENCE_MS })
  for (const endpoint of await endpoints()) {
    const dialed = await dial(endpoint, STRANGER)
    const small = (id: number) => write(id, [put(`small/${id}`, 1)])
    const codes = await ask(dialed!.connection, [small(1), batchOf(2, bytes), small(3)])
    dialed!.connection.close()
    expect([...codes].sort(), 'others of the same submission are done').toEqual([
      [1, Code.OK],
      [2, code],
      [3, Code.OK],
    ])
    await db.put('after', 'v')
  }
})

test('reads and watches that are too large are refused too', async () => {
  const [endpoint] = await endpoints()
  const dialed = await dial(endpoint!, STRANGER)
  const large = Buffer.alloc(limits.requestBytesMax)
  const codes = await ask(dialed!.connection, [request(READ, 1, large)])
  const watch = await ask(dialed!.connection, [request(WATCH, 2, large)])
  expect([...codes, ...watch]).toEqual([
    [1, Code.REQUEST_TOO_LARGE],
    [2, Code.REQUEST_TOO_LARGE],
  ])
  dialed!.connection.close()
})

test('the members agree', async () => {
  const statuses = await cluster.settled()
  expect(new Set(statuses.map(({ stateHash }) => stateHash)).size).toBe(1)
})
