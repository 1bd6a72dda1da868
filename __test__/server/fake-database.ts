// A database in memory with the public interface, for tests of what stands above it. Keys are kept as latin1 of their bytes.
import type {
  As,
  Backup,
  Bytes,
  CallOptions,
  Compare,
  Database,
  KeyValue,
  Member,
  MemberStatus,
  Members,
  MemberUpdate,
  NewMember,
  Pair,
  RangeOptions,
  Selection,
  Txn,
  TxnOperation,
  TxnOperationResult,
  TxnResult,
  Watch,
  WatchEvent,
  WatchOptions,
} from '../../src/client/api.js'
import { RafterError } from '../../src/errors.js'

interface Row {
  value: Uint8Array
  createRevision: number
  modRevision: number
  version: number
}

const toBytes = (text: Bytes) => (typeof text === 'string' ? Buffer.from(text) : text)
const idOf = (text: Bytes) => Buffer.from(toBytes(text)).toString('latin1')
const textOf = (id: string) => Buffer.from(id, 'latin1')

export class FakeDatabase implements Database {
  readonly rows = new Map<string, Row>()
  revision = 0
  compacted = 0
  closed = 0
  backup(): Promise<Backup> {
    throw new Error('a fake makes no backups')
  }

  /** What `delete` was given. */
  readonly selections: (Bytes | Selection)[] = []
  inFlight = 0
  inFlightMost = 0
  /** Called before every put; what it throws, the put rejects with. */
  beforePut: (key: string, value: string) => void | Promise<void> = () => {}
  /** Called before every raise; what it throws, the raise rejects with. */
  beforeRaise: () => void = () => {}
  statusRows: MemberStatus[] = []
  memberRows: Member[] = []
  /** Changes of members that were asked for, and what comes of the next one. */
  readonly memberCalls: unknown[][] = []
  beforeChange: () => void | Promise<void> = () => {}
  private watchers: ((event: WatchEvent<'bytes'>) => void)[] = []

  async put(key: Bytes, value: Bytes, options: CallOptions = {}): Promise<{ revision: number }> {
    if (options.signal?.aborted) throw new RafterError('ABORTED', 'aborted')
    if (toBytes(key).length === 0) throw new RafterError('KEY_EMPTY', 'a key needs at least one byte')
    this.inFlightMost = Math.max(this.inFlightMost, ++this.inFlight)
    try {
      await new Promise((resolve) => setImmediate(resolve))
      await this.beforePut(Buffer.from(toBytes(key)).toString(), Buffer.from(toBytes(value)).toString())
      this.write(idOf(key), toBytes(value), ++this.revision)
      return { revision: this.revision }
    } finally {
      this.inFlight--
    }
  }

  private write(id: string, value: Uint8Array, revision: number): void {
    const old = this.rows.get(id)
    const row = {
      value,
      createRevision: old?.createRevision ?? revision,
      modRevision: revision,
      version: (old?.version ?? 0) + 1,
    }
    this.rows.set(id, row)
    for (const tell of this.watchers)
      tell({ type: 'put', revision, key: textOf(id), value, version: row.version, createRevision: row.createRevision })
  }

  get(key: Bytes): Promise<string | null>
  get(key: Bytes, options: { as: 'bytes' }): Promise<Uint8Array | null>
  async get(key: Bytes, options: { as?: As | undefined } = {}): Promise<string | Uint8Array | null> {
    const value = this.rows.get(idOf(key))?.value
    if (value === undefined) return null
    return options.as === 'bytes' ? value : Buffer.from(value).toString()
  }

  async getPair<A extends As = 'string'>(key: Bytes, options: { as?: A | undefined } = {}): Promise<Pair<A> | null> {
    const row = this.rows.get(idOf(key))
    return row ? pairOf(idOf(key), row, options.as) : null
  }

  getSync(): never {
    throw new RafterError('NO_LEASE', 'embedded only')
  }

  async delete(key: Bytes | Selection): Promise<{ revision: number; deleted: number }> {
    this.selections.push(key)
    const ids =
      typeof key === 'string' || key instanceof Uint8Array ? [idOf(key)].filter((id) => this.rows.has(id)) : this.select(key)
    if (ids.length > 0) this.revision++
    for (const id of ids) this.remove(id)
    return { revision: this.revision, deleted: ids.length }
  }

  private remove(id: string): void {
    this.rows.delete(id)
    for (const tell of this.watchers)
      tell({ type: 'delete', revision: this.revision, key: textOf(id), version: 0, createRevision: 0 })
  }

  async *range<A extends As = 'string'>(options: RangeOptions<A> = {}): AsyncGenerator<Pair<A>> {
    options.onRevision?.(this.revision)
    let ids = this.select(options)
    if (options.reverse) ids.reverse()
    ids = ids.slice(0, options.limit ?? ids.length)
    for (const id of ids) {
      const row = this.rows.get(id)
      if (row) yield pairOf(id, options.keysOnly ? { ...row, value: new Uint8Array() } : row, options.as)
    }
  }

  async count(selection: Selection = {}): Promise<number> {
    return this.select(selection).length
  }

  private select({ prefix, from, to }: Selection): string[] {
    return [...this.rows.keys()]
      .filter((id) => (prefix === undefined || id.startsWith(idOf(prefix))) && (from === undefined || id >= idOf(from)))
      .filter((id) => to === undefined || id < idOf(to))
      .sort()
  }

  txn(): Txn {
    const parts: { if: Compare[]; then: TxnOperation[]; else: TxnOperation[] } = { if: [], then: [], else: [] }
    const txn: Txn = {
      if: (...compares) => add(parts.if, compares),
      then: (...operations) => add(parts.then, operations),
      else: (...operations) => add(parts.else, operations),
      commit: async <A extends As = 'string'>() => {
        const succeeded = parts.if.every((compare) => this.holds(compare))
        this.revision++
        const results = (succeeded ? parts.then : parts.else).map((operation) => this.apply(operation))
        return { succeeded, revision: this.revision, results } as TxnResult<A>
      },
    }
    const add = <T>(list: T[], more: T[]) => {
      list.push(...more)
      return txn
    }
    return txn
  }

  private holds({ key = '', target, operator, operand }: Compare): boolean {
    const row = this.rows.get(idOf(key))
    const left =
      target === 'value'
        ? Buffer.from(row?.value ?? []).toString()
        : target === 'version'
          ? (row?.version ?? 0)
          : (row?.modRevision ?? 0)
    const right = target === 'value' ? Buffer.from(toBytes(operand as Bytes)).toString() : Number(operand)
    if (operator === '=') return left === right
    if (operator === '!=') return left !== right
    return operator === '<' ? left < right : left > right
  }

  private apply(operation: TxnOperation): TxnOperationResult {
    if (operation.type === 'put') {
      this.write(idOf(operation.key), toBytes(operation.value), this.revision)
      return { type: 'put' }
    }
    if (operation.type === 'get') {
      const row = this.rows.get(idOf(operation.key))
      return { type: 'get', pair: row ? pairOf(idOf(operation.key), row) : null }
    }
    if (operation.type === 'delete') {
      const ids = operation.key === undefined ? this.select(operation) : [idOf(operation.key)]
      for (const id of ids) this.remove(id)
      return { type: 'delete', deleted: ids.length, previous: [] }
    }
    if (operation.type === 'range') {
      const ids = this.select(operation)
      return { type: 'range', pairs: ids.map((id) => pairOf(id, this.rows.get(id) as Row)), count: ids.length, more: false }
    }
    throw new RafterError('INVALID_ARGUMENT', 'the fake runs no nested transactions')
  }

  watch<A extends As = 'string'>(options: WatchOptions<A> = {}): Watch<A> {
    const queue: WatchEvent<'bytes'>[] = []
    let wake = () => {}
    const tell = (event: WatchEvent<'bytes'>) => {
      if (
        options.key === undefined
          ? !idOf(event.key).startsWith(idOf(options.prefix ?? ''))
          : idOf(event.key) !== idOf(options.key)
      )
        return
      queue.push(event)
      wake()
    }
    this.watchers.push(tell)
    options.signal?.addEventListener('abort', () => wake())
    async function* events(): AsyncGenerator<WatchEvent<A>> {
      for (;;) {
        if (options.signal?.aborted) throw new RafterError('ABORTED', 'aborted')
        const event = queue.shift()
        if (event) {
          const value = event.value === undefined ? {} : { value: Buffer.from(event.value).toString() }
          yield { ...event, key: Buffer.from(event.key).toString(), ...value } as unknown as WatchEvent<A>
        } else await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    const first = this.revision + 1
    return Object.assign(events(), { started: async () => first, [Symbol.asyncDispose]: async () => {} })
  }

  async raiseRevision(revision: number): Promise<{ revision: number }> {
    this.beforeRaise()
    this.revision = Math.max(this.revision, revision)
    return { revision: this.revision }
  }
  async compact(revision: number): Promise<{ revision: number }> {
    if (revision <= this.compacted) throw new RafterError('COMPACTED', `revision ${revision} has been compacted`)
    if (revision > this.revision) throw new RafterError('FUTURE_REVISION', `revision ${revision} is in the future`)
    this.compacted = revision
    return { revision: this.revision }
  }
  async status(): Promise<MemberStatus[]> {
    return this.statusRows
  }
  readonly members: Members = fakeMembers(this)
  on(): () => void {
    return () => {}
  }
  async transferLeader(): Promise<void> {}
  counters(): Record<string, number> {
    return {}
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  async close(): Promise<void> {
    this.closed++
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function pairOf<A extends As = 'string'>(id: string, row: Row, as?: A): Pair<A> {
  const { value, ...rest } = row
  const text: KeyValue = { key: textOf(id).toString(), value: Buffer.from(value).toString(), lease: 0, ...rest }
  return (as === 'bytes' ? { ...text, key: textOf(id), value } : text) as Pair<A>
}

/** A list that changes as it is told. */
function fakeMembers(db: FakeDatabase): Members {
  const list = async () => db.memberRows
  const change = async (name: string, args: unknown[], make: (found: Member | undefined) => Member) => {
    db.memberCalls.push([name, ...args])
    await db.beforeChange()
    const found = db.memberRows.find(({ name, id }) => name === args[0] || String(id) === args[0])
    if (found === undefined && name !== 'add') throw new RafterError('MEMBER_UNKNOWN', `${name}: there is no member ${args[0]}`)
    const member = make(found)
    return { member, members: db.memberRows }
  }
  const put = (member: Member) => {
    db.memberRows = [...db.memberRows.filter(({ id }) => id !== member.id), member]
    return member
  }
  const drop = (member: Member) => {
    db.memberRows = db.memberRows.filter(({ id }) => id !== member.id)
    return member
  }
  const plain = { isLeader: false, changing: null }
  return Object.assign(list, {
    list,
    add: (member: NewMember, ...rest: unknown[]) =>
      change('add', [member, ...rest], () => {
        const { name, endpoint, witness: isWitness = false, priority = 0 } = member
        return put({ name, endpoint, isWitness, priority, id: db.memberRows.length + 1, role: 'learner', ...plain })
      }),
    promote: (...args: unknown[]) => change('promote', args, (found) => put({ ...(found as Member), role: 'voter' })),
    remove: (...args: unknown[]) => change('remove', args, (found) => drop(found as Member)),
    update: (ref: unknown, to: MemberUpdate, ...rest: unknown[]) =>
      change('update', [ref, to, ...rest], (found) => {
        const { endpoint = (found as Member).endpoint, priority = (found as Member).priority } = to
        return put({ ...(found as Member), endpoint, priority })
      }),
    replace: (ref: unknown, by: unknown, ...rest: unknown[]) =>
      change('replace', [ref, by, ...rest], (found) => {
        drop(found as Member)
        const newcomer = db.memberRows.find(({ name }) => name === by) as Member
        return put({ ...newcomer, role: 'voter' })
      }),
  })
}

/** A member's status with everything filled in. */
export function memberStatus(name: string, role: MemberStatus['role'], endpoint: string): MemberStatus {
  return {
    name,
    id: 1,
    endpoint,
    role,
    leader: 'n1',
    term: 3,
    lastIndex: 120,
    committed: 120,
    applied: 118,
    revision: 117,
    compactedRevision: 0,
    crowdedRevision: 0,
    listen: [],
    stateHash: 'a1b2c3d4',
    sessions: 2,
    diskBytes: 12_345,
    logMode: 'fdatasync',
    version: '0.1.0',
    formerClusters: [],
    cluster: 'c1',
    peers: [],
  }
}
