// Reads requests and writes responses by FORMATS.md, written apart from src/client so that a mistake there shows.

/** A request as the fake member sees it. */
export interface FakeRequest {
  type: number
  id: number
  group: number
  body: Buffer
}

export interface FakeBatch {
  session: number
  sequence: number
  acked: number
  retry: boolean
  start: boolean
  operations: FakeOperation[]
}

export interface FakeRange {
  op: 5
  flags: number
  key: string
  end: string
  limit: number
  revision: number
}

export interface FakeTxn {
  op: 3
  compares: FakeCompare[]
  branches: [FakeOperation[], FakeOperation[]]
}

export interface FakeCompare {
  result: number
  target: number
  key: string
  end: string
  operand: Buffer
}

export type FakeOperation =
  | { op: 1; flags: number; key: string; value: Buffer }
  | { op: 2; flags: number; key: string; end: string }
  | FakeTxn
  | { op: 4; revision: number }
  | FakeRange

/** A cursor over bytes; keys come out as latin1 strings, which compare like bytes. */
export class Reader {
  at = 0
  constructor(readonly bytes: Buffer) {}
  get done(): boolean {
    return this.at >= this.bytes.length
  }
  u8(): number {
    return this.bytes.readUInt8(this.#advance(1))
  }
  u16(): number {
    return this.bytes.readUInt16LE(this.#advance(2))
  }
  u32(): number {
    return this.bytes.readUInt32LE(this.#advance(4))
  }
  u64(): number {
    return Number(this.bytes.readBigUInt64LE(this.#advance(8)))
  }
  take(length: number): Buffer {
    const start = this.#advance(length)
    return Buffer.from(this.bytes.subarray(start, start + length))
  }
  key(length: number): string {
    return this.take(length).toString('latin1')
  }
  #advance(length: number): number {
    const start = this.at
    this.at += length
    if (this.at > this.bytes.length) throw new Error(`read ${this.at} of ${this.bytes.length} bytes`)
    return start
  }
}

export function readRequests(bytes: Buffer): FakeRequest[] {
  const reader = new Reader(bytes)
  const requests: FakeRequest[] = []
  while (!reader.done) {
    const length = reader.u32()
    const type = reader.u8()
    if (reader.u8() !== 0) throw new Error('request flags are not 0')
    const group = reader.u16()
    const id = reader.u64()
    requests.push({ type, id, group, body: reader.take(length) })
  }
  return requests
}

export function readBatch(body: Buffer): FakeBatch {
  const reader = new Reader(body)
  const place = { session: reader.u64(), sequence: reader.u64(), acked: reader.u64() }
  const flags = reader.u32()
  const batch = { ...place, retry: (flags & 1) !== 0, start: (flags & 2) !== 0 }
  const count = reader.u32()
  const operations = readOperations(reader)
  if (operations.length !== count) throw new Error(`${operations.length} operations, header says ${count}`)
  return { ...batch, operations }
}

/** A member in a request for other members. */
export interface FakeConfigured {
  id: number
  name: string
  endpoint: string
  part: number
  priority?: number
}

export function readChange(body: Buffer): { from: number; forced: boolean; members: FakeConfigured[] } {
  const reader = new Reader(body)
  const from = reader.u64()
  const forced = reader.u8() === 1
  if (reader.take(7).some((byte) => byte !== 0)) throw new Error('bytes of 0 are not')
  const members = Array.from({ length: reader.u32() }, () => {
    const [id, part, priority] = [reader.u64(), reader.u8(), reader.u8()]
    const [nameBytes, endpointBytes] = [reader.u16(), reader.u16()]
    if (reader.u16() !== 0) throw new Error('bytes of 0 are not')
    return { id, part, priority, name: reader.take(nameBytes).toString(), endpoint: reader.take(endpointBytes).toString() }
  })
  if (!reader.done) throw new Error('more than the members')
  return { from, forced, members }
}

export function readRead(body: Buffer): { consistency: number; maxStaleness: number; ranges: FakeRange[] } {
  const reader = new Reader(body)
  const consistency = reader.u32()
  const count = reader.u32()
  const maxStaleness = reader.u64()
  const ranges = readOperations(reader) as FakeRange[]
  if (ranges.length !== count || ranges.some(({ op }) => op !== 5)) throw new Error('malformed READ')
  return { consistency, maxStaleness, ranges }
}

function readOperations(reader: Reader): FakeOperation[] {
  const operations: FakeOperation[] = []
  while (!reader.done) operations.push(readOperation(reader))
  return operations
}

function readOperation(reader: Reader): FakeOperation {
  const op = reader.u8()
  const flags = reader.u8()
  if (op === 3) return readTxn(reader)
  if (reader.u16() !== 0) throw new Error('padding is not 0')
  if (op === 4) return { op, revision: reader.u64() }
  const keyLength = reader.u32()
  const otherLength = reader.u32()
  if (op === 1) return { op, flags, key: reader.key(keyLength), value: reader.take(otherLength) }
  if (op === 2) return { op, flags, key: reader.key(keyLength), end: reader.key(otherLength) }
  if (op !== 5) throw new Error(`operation ${op}`)
  const limit = reader.u64()
  const revision = reader.u64()
  return { op, flags, limit, revision, key: reader.key(keyLength), end: reader.key(otherLength) }
}

function readTxn(reader: Reader): FakeTxn {
  const counts = [reader.u16(), reader.u16(), reader.u16()]
  const bytes = [reader.u32(), reader.u32(), reader.u32()]
  const compares: FakeCompare[] = []
  const part = new Reader(reader.take(bytes[0]!))
  while (!part.done) {
    const [result, target] = [part.u8(), part.u8()]
    part.u16()
    const lengths = [part.u32(), part.u32(), part.u32()]
    compares.push({ result, target, key: part.key(lengths[0]!), end: part.key(lengths[1]!), operand: part.take(lengths[2]!) })
  }
  const branches: [FakeOperation[], FakeOperation[]] = [
    readOperations(new Reader(reader.take(bytes[1]!))),
    readOperations(new Reader(reader.take(bytes[2]!))),
  ]
  if (compares.length !== counts[0] || branches[0].length !== counts[1] || branches[1].length !== counts[2])
    throw new Error('txn counts')
  return { op: 3, compares, branches }
}

/** Little-endian bytes: numbers by width. */
export const u8 = (value: number) => Buffer.from([value])
export const u16 = (value: number) => Buffer.from([value & 0xff, value >>> 8])
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

export function response(type: number, flags: number, code: number, id: number, body: Buffer): Buffer {
  return Buffer.concat([u32(body.length), u8(type), u8(flags), u16(code), u64(id), body])
}

export function result(op: number, flags: number, revision: number, body: Buffer): Buffer {
  return Buffer.concat([u16(0), u8(op), u8(flags), u32(body.length), u64(revision), body])
}

export function errorResult(code: number, op: number, revision: number, text: string): Buffer {
  const body = errorBody(0, text)
  return Buffer.concat([u16(code), u8(op), u8(0), u32(body.length), u64(revision), body])
}

export function errorBody(detail: number, text: string): Buffer {
  return Buffer.concat([u64(detail), Buffer.from(text)])
}
