// A Map with revisions: the state machine of FORMATS.md in its simplest form, for tests of the client.
import {
  errorResult,
  type FakeBatch,
  type FakeCompare,
  type FakeOperation,
  type FakeRange,
  type FakeTxn,
  result,
  u32,
  u64,
} from './fake-wire.js'

export interface FakeRow {
  key: string
  create: number
  mod: number
  version: number
  /** null: deleted. */
  value: Buffer | null
}

export interface FakeChange {
  row: FakeRow
  previous: FakeRow | null
}

/** Codes of tables.json that the store answers with. */
const COMPACTED = 11
const FUTURE_REVISION = 12
const SESSION_EXPIRED = 24
const RESULT_FORGOTTEN = 25

/** Number of the first session that is started. */
const FIRST_SESSION = 1001

export interface FakeAnswer {
  code: number
  flags: number
  body: Buffer
}

export class FakeStore {
  revision = 0
  compacted = 0
  /** Versions of each key, oldest first. */
  readonly rows = new Map<string, FakeRow[]>()
  readonly changes: FakeChange[] = []
  readonly sessions = new Map<number, Map<number, FakeAnswer | null>>()
  /** Operations carried out, for tests of exactly once. */
  applied = 0
  readReplyBytesMax = 1 << 20
  #started = 0
  onChange: () => void = () => {}

  /** A WRITE: carried out once for each (session, sequence). */
  write(batch: FakeBatch): FakeAnswer {
    if (batch.start) {
      const id = FIRST_SESSION + this.#started++
      this.sessions.set(id, new Map())
      return { code: 0, flags: 1, body: Buffer.concat([u64(id), u32(0)]) }
    }
    const session = this.sessions.get(batch.session)
    if (session === undefined) return { code: SESSION_EXPIRED, flags: 0, body: Buffer.alloc(8) }
    const before = session.get(batch.sequence)
    if (before === null) return { code: RESULT_FORGOTTEN, flags: 0, body: Buffer.alloc(8) }
    if (before !== undefined) return before
    const answer = this.#apply(batch.operations)
    session.set(batch.sequence, answer)
    for (const sequence of session.keys()) if (sequence < batch.acked) session.set(sequence, null)
    this.onChange()
    return answer
  }

  read(ranges: FakeRange[]): Buffer {
    let length = 0
    return Buffer.concat(
      ranges.map((range) => {
        const bytes = this.range(range, this.readReplyBytesMax - length)
        length += bytes.length
        return bytes
      }),
    )
  }

  /** The live rows of a range at a revision, ascending. */
  select(key: string, end: string, at: number): FakeRow[] {
    const inside = (candidate: string) => (end === '' ? candidate === key : candidate >= key && (end === '\0' || candidate < end))
    const keys = [...this.rows.keys()].filter(inside).sort()
    return keys.flatMap((found) => {
      const row = (this.rows.get(found) ?? []).findLast(({ mod }) => mod <= at)
      return row === undefined || row.value === null ? [] : [row]
    })
  }

  range({ flags, key, end, limit, revision }: FakeRange, room = Number.POSITIVE_INFINITY): Buffer {
    if (revision > this.revision) return errorResult(FUTURE_REVISION, 5, this.revision, 'not yet')
    if (revision > 0 && revision < this.compacted) return errorResult(COMPACTED, 5, this.revision, 'compacted')
    const at = revision === 0 ? this.revision : revision
    const rows = this.select(key, end, at)
    const count = rows.length
    if ((flags & 4) !== 0) rows.reverse()
    if (room <= 0) return result(5, 1, at, Buffer.concat([u64(count), u32(0)]))
    if ((flags & 2) !== 0) return result(5, 0, at, Buffer.concat([u64(count), u32(0)]))
    const pairs: Buffer[] = []
    let bytes = 0
    for (const row of rows) {
      if ((limit > 0 && pairs.length === limit) || bytes >= room) break
      const pair = pairOf(row, (flags & 1) !== 0)
      pairs.push(pair)
      bytes += pair.length
    }
    return result(5, pairs.length < count ? 1 : 0, at, Buffer.concat([u64(count), u32(pairs.length), ...pairs]))
  }

  #apply(operations: FakeOperation[]): FakeAnswer {
    if (operations.every((operation) => operation.op === 1 && operation.flags === 0)) {
      const first = this.revision + 1
      for (const operation of operations) this.#run(operation, ++this.revision)
      return { code: 0, flags: 1, body: Buffer.concat([u64(first), u32(operations.length)]) }
    }
    const results = operations.map((operation) => {
      const revision = this.revision + 1
      const before = this.changes.length
      const run = this.#run(operation, revision)
      if (this.changes.length > before) this.revision = revision
      return run
    })
    return { code: 0, flags: 0, body: Buffer.concat(results) }
  }

  #run(operation: FakeOperation, revision: number): Buffer {
    this.applied++
    switch (operation.op) {
      case 1: {
        const previous = this.#live(operation.key)
        this.#set(operation.key, operation.value, revision)
        const flagged = (operation.flags & 1) !== 0 && previous !== null
        return result(1, flagged ? 1 : 0, revision, flagged ? pairOf(previous) : Buffer.alloc(0))
      }
      case 2: {
        const rows = this.select(operation.key, operation.end, revision)
        for (const { key } of rows) this.#set(key, null, revision)
        const pairs = (operation.flags & 1) === 0 ? [] : rows.map((row) => pairOf(row))
        const after = rows.length > 0 ? revision : this.revision
        return result(2, 0, after, Buffer.concat([u64(rows.length), u32(pairs.length), ...pairs]))
      }
      case 3:
        return this.#txn(operation, revision)
      case 4:
        if (operation.revision > this.revision) return errorResult(FUTURE_REVISION, 4, this.revision, 'not yet')
        if (operation.revision <= this.compacted) return errorResult(COMPACTED, 4, this.revision, 'done before')
        this.compacted = operation.revision
        return result(4, 0, this.revision, Buffer.alloc(0))
      case 5:
        return this.range(operation)
    }
  }

  #txn({ compares, branches }: FakeTxn, revision: number): Buffer {
    const succeeded = compares.every((compare) => this.#holds(compare))
    const results = branches[succeeded ? 0 : 1].map((operation) => this.#run(operation, revision))
    return result(3, succeeded ? 1 : 0, revision, Buffer.concat([u32(results.length), ...results]))
  }

  #holds({ result: wanted, target, key, end, operand }: FakeCompare): boolean {
    const rows: (FakeRow | null)[] = end === '' ? [this.#live(key)] : this.select(key, end, this.revision)
    return rows.every((row) => {
      if (target === 3 && row === null) return false
      const order =
        target === 3
          ? Buffer.compare(row?.value ?? Buffer.alloc(0), operand)
          : Math.sign([row?.version ?? 0, row?.create ?? 0, row?.mod ?? 0, 0, 0][target]! - Number(operand.readBigUInt64LE()))
      return [order === 0, order > 0, order < 0, order !== 0][wanted]!
    })
  }

  #live(key: string): FakeRow | null {
    const row = this.rows.get(key)?.at(-1)
    return row === undefined || row.value === null ? null : row
  }

  #set(key: string, value: Buffer | null, revision: number): void {
    const previous = this.#live(key)
    const versions = this.rows.get(key) ?? []
    const row: FakeRow =
      value === null
        ? { key, create: 0, mod: revision, version: 0, value }
        : { key, create: previous?.create ?? revision, mod: revision, version: (previous?.version ?? 0) + 1, value }
    versions.push(row)
    this.rows.set(key, versions)
    this.changes.push({ row, previous })
  }
}

export function pairOf({ key, create, mod, version, value }: FakeRow, keysOnly = false): Buffer {
  const keyBytes = Buffer.from(key, 'latin1')
  const valueBytes = keysOnly || value === null ? Buffer.alloc(0) : value
  return Buffer.concat([
    u32(keyBytes.length),
    u32(valueBytes.length),
    u64(create),
    u64(mod),
    u64(version),
    u64(0),
    keyBytes,
    valueBytes,
  ])
}
