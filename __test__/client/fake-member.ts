// Members that answer the client in this process, with faults on demand. One store stands for the replicated state.
import type { KeyReader, Port } from '../../src/client/connection/port.js'
import { Code, type ErrorCode } from '../../src/codes.js'
import { RafterError } from '../../src/errors.js'
import { type FakeChange, FakeStore, pairOf } from './fake-store.js'
import {
  errorBody,
  type FakeConfigured,
  type FakeRequest,
  Reader,
  readBatch,
  readChange,
  readRead,
  readRequests,
  response,
  u8,
  u16,
  u32,
  u64,
} from './fake-wire.js'

const WRITE = 1
const READ = 2
const WATCH = 3
const WATCH_CREDIT = 4
const CANCEL = 5
const STATUS = 6
const MEMBERS = 7
const TRANSFER = 8
const CHANGE_MEMBERS = 10

/** What a fault does to a request. `lose`: not carried out, no answer. `mute`: carried out, no answer. A code: refused. */
export type Fault = 'lose' | 'mute' | { code: ErrorCode; text?: string } | undefined

interface FakeWatch {
  id: number
  key: string
  end: string
  previous: boolean
  next: number
  credit: number
  /** Changes of `next` sent already. */
  sent: number
}

/** Who the members are. */
interface FakeConfiguration {
  index: number
  /** Default: 0, as of an older version. */
  configurationTerm?: number
  members: FakeConfigured[]
}

/** What an asker knows of that. */
interface FakeKnown {
  index: number
  configurationTerm: number
  leader: number
}

export class FakeNetwork {
  readonly store = new FakeStore()
  readonly members: FakeMember[] = []
  #leader = 0
  /** Identity of the cluster. */
  cluster = 0xc1
  /** Who the members are, and the index of the entry that says so. A change is in force and committed at once. */
  configuration: FakeConfiguration = { index: 0, members: [] }
  /** How far the log is committed, as STATUS says. */
  committed = Number.MAX_SAFE_INTEGER
  /** The same of groups beyond the first. */
  readonly otherGroups: FakeConfiguration[] = []
  /** Endpoints that were connected to, in order. */
  readonly dialed: string[] = []
  /** Calls of `submit`, over all ports. */
  submissions = 0

  constructor(count = 1) {
    for (let id = 1; id <= count; id++) this.members.push(new FakeMember(this, id))
    this.leader = 1
    const members = this.members.map(({ id, endpoint }) => ({ id, name: `n${id}`, endpoint, part: 1, priority: 0 }))
    this.configuration = { index: 0, members }
    this.store.onChange = () => {
      for (const member of this.members) member.pushEvents()
    }
  }

  get leader(): number {
    return this.#leader
  }

  set leader(id: number) {
    this.#leader = id
    this.tellNews()
  }

  /** These are the members from now on. */
  change(members: FakeConfigured[], group = 0): void {
    const index = this.configurationOf(group).index + 10
    Object.assign(this.configurationOf(group), { index, members, configurationTerm: 2 })
    this.tellNews()
  }

  /** Whoever waits to hear of other members, or another leader, is told if there are. */
  tellNews(): void {
    for (const member of this.members) for (const port of member.ports) port.tellNews()
  }

  configurationOf(group: number) {
    return this.otherGroups[group - 1] ?? this.configuration
  }

  get endpoints(): string[] {
    return this.members.map(({ endpoint }) => endpoint)
  }

  get first(): FakeMember {
    return this.members[0]!
  }

  /** A `PortFactory`; endpoint null is the first member. */
  ports = async (
    endpoint: string | null,
    notify: () => void,
    lost: (code: ErrorCode, message: string) => void,
  ): Promise<Port> => {
    const at = (candidate: FakeMember) => candidate.endpoint === endpoint || candidate.socket === endpoint
    const member = endpoint === null ? this.first : this.members.find(at)
    if (endpoint !== null) this.dialed.push(endpoint)
    await new Promise((resolve) => setImmediate(resolve))
    if (member === undefined || member.down) throw new RafterError('UNREACHABLE', 'connection refused')
    return member.connect(notify, lost)
  }
}

export class FakeMember {
  readonly endpoint: string
  /** Where it is found too, though the members do not say so to each other. */
  readonly socket: string
  /** Connections are refused. */
  down = false
  /** Requests are taken and never answered, as by a stopped process. */
  stopped = false
  /** Answers NOT_LEADER instead of forwarding. */
  forwards = true
  /** Milliseconds before each answer; 0: the next turn. */
  delay = 0
  /** What it says of the others. */
  peers: { connected: boolean; code: ErrorCode | null }[] = []
  /** Of a version that answers MEMBERS at once, whatever the asker knows. */
  isOlder = false
  /** The configuration that it knows; null: the one of all. */
  behind: FakeNetwork['configuration'] | null = null
  /** It still takes itself for the leader, of the term before the others'. */
  isDeposed = false
  /** Submissions are refused with POISONED. */
  poisoned = false
  /** So many submissions are refused with BUSY. */
  busy = 0
  /** Largest number of a revision's events in one response, to split revisions. */
  eventsMax = Number.POSITIVE_INFINITY
  fault: (request: FakeRequest) => Fault = () => undefined
  readonly requests: FakeRequest[] = []
  readonly ports = new Set<FakePort>()

  constructor(
    readonly network: FakeNetwork,
    readonly id: number,
  ) {
    this.endpoint = `127.0.0.1:${7000 + id}`
    this.socket = `unix:/n${id}.sock`
  }

  connect(notify: () => void, lost: (code: ErrorCode, message: string) => void): FakePort {
    const port = new FakePort(this, notify, lost)
    this.ports.add(port)
    return port
  }

  /** Breaks every connection. */
  break(message = 'connection reset'): void {
    for (const port of [...this.ports]) port.break(message)
  }

  /** Requests of a type so far. */
  count(type: number): number {
    return this.requests.filter((request) => request.type === type).length
  }

  pushEvents(): void {
    for (const port of this.ports) port.pushEvents()
  }
}

export class FakePort implements Port {
  readonly #member: FakeMember
  readonly #notify: () => void
  readonly #lost: (code: ErrorCode, message: string) => void
  #waiting: Buffer[] = []
  #notified = false
  #closed = false
  readonly watches = new Map<number, FakeWatch>()
  /** Who waits to hear of other members. */
  #question: { request: FakeRequest; known: FakeKnown } | null = null

  constructor(member: FakeMember, notify: () => void, lost: (code: ErrorCode, message: string) => void) {
    this.#member = member
    this.#notify = notify
    this.#lost = lost
  }

  submit(buffer: Uint8Array, length: number): number {
    const member = this.#member
    if (this.#closed) return Code.CLOSED
    if (member.poisoned) return Code.POISONED
    if (member.busy > 0) {
      member.busy--
      return Code.BUSY
    }
    member.network.submissions++
    for (const request of readRequests(Buffer.from(buffer.subarray(0, length)))) {
      member.requests.push(request)
      if (!member.stopped) this.#take(request)
    }
    return Code.OK
  }

  drain(into: Uint8Array): number {
    this.#notified = false
    let at = 0
    while (this.#waiting.length > 0) {
      const next = this.#waiting[0]!
      if (at + next.length > into.length) return at === 0 ? -next.length : at
      into.set(next, at)
      at += next.length
      this.#waiting.shift()
    }
    return at
  }

  openReader(memory: Uint8Array, resultBytes: number): KeyReader {
    const [into, request] = [memory.subarray(0, resultBytes), memory.subarray(resultBytes)]
    return { read: () => this.#readKey(request, into), close: () => {} }
  }

  #readKey(request: Uint8Array, into: Uint8Array): number {
    const reader = new Reader(Buffer.from(request.buffer, request.byteOffset, request.length))
    const consistency = reader.u32()
    const keyLength = reader.u32()
    reader.u64() // how far it may be behind: it never is
    const key = reader.key(keyLength)
    const { store, leader } = this.#member.network
    const noLease = Buffer.concat([u16(Code.NO_LEASE), u8(5), u8(0), u32(8), u64(store.revision), u64(0)])
    const bytes =
      consistency === 0 && leader !== this.#member.id
        ? noLease
        : store.range({ op: 5, flags: 0, key, end: '', limit: 0, revision: 0 })
    if (bytes.length > into.length) return -bytes.length
    into.set(bytes)
    return bytes.length
  }

  close(): void {
    this.#closed = true
    this.#member.ports.delete(this)
  }

  break(message: string): void {
    this.close()
    this.#lost('UNREACHABLE', message)
  }

  pushEvents(): void {
    for (const watch of this.watches.values()) this.#push(watch)
  }

  #take(request: FakeRequest): void {
    const fault = this.#member.fault(request)
    if (fault === 'lose') return
    if (typeof fault === 'object') {
      this.#answer(response(request.type, 0, Code[fault.code], request.id, errorBody(0, fault.text ?? '')))
      return
    }
    const bytes = this.#serve(request)
    if (fault !== 'mute' && bytes !== null) this.#answer(bytes)
  }

  #serve(request: FakeRequest): Buffer | null {
    const { type, id, group, body } = request
    const { network, forwards } = this.#member
    const { store } = network
    if (group > network.otherGroups.length) return response(type, 0, Code.GROUP_NOT_FOUND, id, errorBody(0, `no group ${group}`))
    if (!forwards && network.leader !== this.#member.id && (type === WRITE || type === READ)) {
      const leader = network.members.find((member) => member.id === network.leader)
      return response(type, 0, Code.NOT_LEADER, id, errorBody(network.leader, leader?.endpoint ?? ''))
    }
    switch (type) {
      case WRITE: {
        const { code, flags, body: answer } = store.write(readBatch(body))
        return response(type, flags, code, id, answer)
      }
      case READ:
        return response(type, 0, 0, id, store.read(readRead(body).ranges))
      case WATCH:
        return this.#watch(id, new Reader(body))
      case WATCH_CREDIT: {
        const reader = new Reader(body)
        const watch = this.watches.get(reader.u64())
        if (watch !== undefined) {
          watch.credit += reader.u32()
          this.#push(watch)
        }
        return null
      }
      case CANCEL:
        this.watches.delete(new Reader(body).u64())
        return null
      case STATUS:
        return response(type, 0, 0, id, Buffer.from(JSON.stringify(this.#status())))
      case MEMBERS:
        return this.#answerMembers(request)
      case CHANGE_MEMBERS: {
        const { from, members } = readChange(body)
        const { index } = network.configurationOf(group)
        if (from !== index) return response(type, 0, Code.MEMBERS_CHANGING, id, errorBody(0, 'others are in force'))
        network.change(members, group)
        return response(type, 0, 0, id, Buffer.alloc(0))
      }
      case TRANSFER:
        network.leader = new Reader(body).u64()
        return response(type, 0, 0, id, Buffer.alloc(0))
      default:
        throw new Error(`request type ${type}`)
    }
  }

  #membersNow(group: number) {
    const { id: self, isDeposed, behind, network } = this.#member
    const known = isDeposed ? { leader: self, term: 1 } : { leader: network.leader, term: 2 }
    return { configurationTerm: 0, ...(behind ?? network.configurationOf(group)), ...known, cluster: network.cluster, self }
  }

  #answerMembers(request: FakeRequest): Buffer | null {
    const { type, id, group, body } = request
    const answer = this.#membersNow(group)
    if (body.length > 0 && !this.#member.isOlder) {
      const reader = new Reader(body)
      const known = { index: reader.u64(), configurationTerm: reader.u64(), leader: reader.u64() }
      if (!isNews(answer, known)) {
        this.#question = { request, known }
        return null
      }
    }
    return response(type, 0, 0, id, Buffer.from(JSON.stringify(answer)))
  }

  tellNews(): void {
    if (this.#question === null || this.#member.stopped) return
    const { request, known } = this.#question
    if (!isNews(this.#membersNow(request.group), known)) return
    this.#question = null
    this.#take(request)
  }

  #status(): object {
    const { id, endpoint, network, peers } = this.#member
    const role = network.leader === id ? 'leader' : 'follower'
    const { committed, store } = network
    return {
      name: `n${id}`,
      id,
      endpoint,
      role,
      leader: `n${network.leader}`,
      term: 1,
      committed,
      revision: store.revision,
      peers,
    }
  }

  #watch(id: number, reader: Reader): Buffer {
    const { store } = this.#member.network
    const previous = (reader.u32() & 1) !== 0
    const [keyLength, endLength] = [reader.u32(), reader.u32()]
    const start = reader.u64()
    const credit = reader.u32()
    const cluster = reader.u64()
    if (cluster !== 0 && cluster !== this.#member.network.cluster)
      return response(WATCH, 0, Code.CLUSTER_MISMATCH, id, errorBody(0, 'the data is of another cluster'))
    if (start > 0 && start <= store.compacted) return response(WATCH, 0, Code.COMPACTED, id, errorBody(store.compacted, ''))
    const next = start === 0 ? store.revision + 1 : start
    const watch = { id, key: reader.key(keyLength), end: reader.key(endLength), previous, next, credit, sent: 0 }
    this.watches.set(id, watch)
    setImmediate(() => this.#push(watch))
    return response(WATCH, 0, 0, id, Buffer.concat([u64(next - 1), u32(0), u64(this.#member.network.cluster)]))
  }

  /** Sends what there is and the credit allows; a revision may be split over responses. */
  #push(watch: FakeWatch): void {
    const { store } = this.#member.network
    const inside = ({ row: { key } }: FakeChange) =>
      watch.end === '' ? key === watch.key : key >= watch.key && (watch.end === '\0' || key < watch.end)
    if (!this.watches.has(watch.id)) return
    const waiting = store.changes.filter((change) => change.row.mod >= watch.next && inside(change)).slice(watch.sent)
    const sending = waiting.slice(0, Math.min(watch.credit, this.#member.eventsMax))
    if (sending.length === 0) return
    watch.credit -= sending.length
    const following = waiting[sending.length]
    const last = sending.at(-1)!.row.mod
    // With more of the last revision to come, everything up to the one before it has been sent.
    const whole = following === undefined ? store.revision : following.row.mod === last ? last - 1 : last
    watch.sent =
      following?.row.mod === last
        ? sending.filter(({ row }) => row.mod === last).length + (watch.next === last ? watch.sent : 0)
        : 0
    watch.next = whole + 1
    const events = sending.map((change) => eventOf(change, watch.previous))
    this.#answer(response(WATCH, 0, 0, watch.id, Buffer.concat([u64(whole), u32(events.length), ...events])))
    if (waiting.length > sending.length) setImmediate(() => this.#push(watch))
  }

  #answer(bytes: Buffer): void {
    const deliver = () => {
      if (this.#closed || this.#member.stopped) return
      this.#waiting.push(bytes)
      if (this.#notified) return
      this.#notified = true
      setImmediate(() => this.#closed || this.#notify())
    }
    if (this.#member.delay === 0) deliver()
    else setTimeout(deliver, this.#member.delay)
  }
}

function eventOf({ row, previous }: FakeChange, withPrevious: boolean): Buffer {
  const before = withPrevious && previous !== null ? pairOf(previous) : null
  return Buffer.concat([
    u8(row.value === null ? 1 : 0),
    u8(before === null ? 0 : 1),
    u16(0),
    pairOf(row),
    before ?? Buffer.alloc(0),
  ])
}

/** As FORMATS.md says of MEMBERS. */
function isNews(now: FakeKnown, known: FakeKnown): boolean {
  const [term, knownTerm] = [now.configurationTerm, known.configurationTerm]
  const isLater = term === knownTerm || term === 0 || knownTerm === 0 ? now.index > known.index : term > knownTerm
  return isLater || (now.leader !== 0 && now.leader !== known.leader)
}
