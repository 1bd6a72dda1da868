// The shared plane cases against the native plane. The other member is a native one too, driven by hand like the first.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import type { Port } from '../../src/client/connection/port.js'
import { encodeChange } from '../../src/client/wire/change.js'
import type { MemberConfig } from '../../src/cluster/member.js'
import type { Binding, MemberInfo } from '../../src/native/binding.js'
import { parseReply } from '../../src/native/errors.js'
import { loadBinding } from '../../src/native/load.js'
import { nativePlane } from '../../src/native/plane.js'
import { nativePort } from '../../src/native/port.js'
import type { Plane } from '../../src/plane/plane.js'
import { Command, Event } from '../../src/plane/record-kinds.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { freePorts } from '../ports.js'
import { configurationSuite } from './configurations.js'
import { copy } from './copy.js'
import { PlaneDriver } from './driver.js'
import { type PlaneHarness, planeSuite, type WireMessage } from './suite.js'

const MIB = 1 << 20
const EXCHANGES_MAX = 200
const [WRITE, READ, TRANSFER, SNAPSHOT, CHANGE_MEMBERS] = [1, 2, 8, 9, 10]
const REQUEST_HEADER_BYTES = 16
const BATCH_HEADER_BYTES = 32
/** FORMATS.md, Operations: a put of the key `k` with the value `v`. */
const PUT = Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'k'.charCodeAt(0), 'v'.charCodeAt(0)])

/** A range of the key `k` alone. */
const RANGE = Buffer.from([5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, ...Array<number>(16).fill(0), 'k'.charCodeAt(0)])

const root = mkdtempSync(join(tmpdir(), 'rafterdb-plane-'))
let members: MemberConfig['members']
let ids: number[]

beforeAll(async () => {
  const [first, second] = await freePorts(2)
  members = [
    { name: 'a', endpoint: `127.0.0.1:${first}` },
    { name: 'b', endpoint: `127.0.0.1:${second}` },
  ]
  const one = await open(0, join(root, 'ids'))
  ids = members.map(({ name }) => one.info.members.find((member) => member.name === name)?.id ?? 0)
  await close(one)
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Opened {
  binding: Binding
  info: MemberInfo
  plane: Plane
}

async function open(number: 0 | 1, dataDir: string): Promise<Opened> {
  const { name, endpoint } = members[number] as MemberConfig['members'][number]
  const config: MemberConfig = {
    ...{ name, dataDir, members, listen: [endpoint], durability: 'always', durabilityInterval: 100, electionTimeout: 500 },
    ...{ memory: 32 * MIB, valueBytesMax: MIB, groups: 1, segmentBytes: MIB, cpuAffinity: null, clusterToken: null },
  }
  const binding = loadBinding()
  const fatal = (code: string, text: string) => {
    throw new Error(`${code}: ${text}`)
  }
  const info = parseReply<MemberInfo>(await binding.openMember(JSON.stringify(config), fatal, () => {}, false))
  return { binding, info, plane: nativePlane(binding, info.member) }
}

async function close({ binding, info }: Opened): Promise<void> {
  binding.stopMember(info.member)
  await binding.closeMember(info.member)
}

let directories = 0
const newDirectory = () => join(root, `${directories++}`)

class NativeHarness implements PlaneHarness {
  readonly self = ids[0] as number
  readonly other = ids[1] as number
  readonly #answers: number[] = []
  readonly #sent: WireMessage[] = []
  readonly #requests: Buffer[] = []
  #directory = newDirectory()
  #opened: Opened | undefined
  #port: Port | undefined
  #peer: { opened: Opened; driver: PlaneDriver; port?: Port } | undefined
  #last = 0

  async open(): Promise<Plane> {
    this.#opened = await open(0, this.#directory)
    const { binding, info } = this.#opened
    this.#port = nativePort(
      binding,
      binding.openPort(info.member, () => {}),
    )
    return this.#opened.plane
  }

  /** What a killed process leaves is what its files hold at that moment. */
  async reopen(): Promise<Plane> {
    const killed = newDirectory()
    copy(this.#directory, killed)
    if (this.#opened) await close(this.#opened)
    this.#directory = killed
    return this.open()
  }

  async connect(driver: PlaneDriver): Promise<void> {
    const opened = await open(1, newDirectory())
    this.#peer = { opened, driver: new PlaneDriver(opened.plane) }
    this.#peer.driver.waitFor(Event.PEER)
    driver.waitFor(Event.PEER)
  }

  propose(count: number): void {
    const batch = Buffer.alloc(BATCH_HEADER_BYTES)
    batch.writeUInt32LE(1, BATCH_HEADER_BYTES - 4)
    for (let i = 0; i < count; i++) this.#requests.push(request(WRITE, Buffer.concat([batch, PUT])))
    this.#submit()
  }

  read(): void {
    const head = Buffer.alloc(16)
    head.writeUInt32LE(1, 4)
    this.#requests.push(request(READ, Buffer.concat([head, RANGE])))
    this.#submit()
  }

  transfer(): void {
    const target = Buffer.alloc(8)
    target.writeBigUInt64LE(BigInt(this.other))
    this.#requests.push(request(TRANSFER, target))
    this.#submit()
  }

  change(from: number, pairs: readonly number[]): void {
    const numbers = pairs.map((_, i) => i).filter((i) => i % 2 === 0)
    const wanted = numbers.map((i) => {
      const { name, endpoint } = members[ids.indexOf(pairs[i] ?? 0)] ?? { name: '', endpoint: '' }
      return {
        id: pairs[i] ?? 0,
        name,
        endpoint,
        part: (pairs[i + 1] ?? 0) % 256,
        priority: Math.floor((pairs[i + 1] ?? 0) / 256),
      }
    })
    this.#requests.push(request(CHANGE_MEMBERS, Buffer.from(encodeChange(from, false, wanted))))
    this.#submit()
  }

  deliverConfigurations(term: number, entries: readonly (readonly number[] | undefined)[]): void {
    const commands = entries.map((pairs) => {
      this.#last += 1
      if (pairs === undefined) return [Command.NOOP, 0, this.#last, term]
      return [Command.CONFIGURE, 0, 0, this.#last, term, pairs.length / 2, ...pairs]
    })
    const range = [this.#last - entries.length + 1, this.#last + 1]
    this.#other.exchange([...commands, [Command.SEND, 0, this.self, Message.APPEND, term, 0, 0, 0, 0, 0, 0, 0, ...range]])
  }

  otherLeads(index: number, term: number): void {
    const entries = Array.from({ length: index }, (_, i) => [Command.NOOP, 0, i + 1, term])
    const lead = [Command.ROLE, 0, Role.LEADER, term, this.other]
    this.#other.waitFor(Event.APPLIED, [[Command.PERSIST, 0, term, 0, 0], lead, ...entries, [Command.COMMIT, 0, index]])
    this.#other.exchange([[Command.LEASE, 0, this.#other.now + 60_000]])
  }

  /** By a read of a client of that member. */
  ask(): void {
    this.#other.exchange([[Command.ROLE, 0, Role.FOLLOWER, 1, this.self]])
    const head = Buffer.alloc(16)
    head.writeUInt32LE(1, 4)
    const read = request(READ, Buffer.concat([head, RANGE]))
    expect(this.#otherPort.submit(read, read.length)).toBe(0)
  }

  /** A confirmed read waits for what was told to be applied; one that is not confirmed is answered with a code. */
  told(driver: PlaneDriver): readonly number[] {
    const delivery = Buffer.alloc(MIB)
    for (let i = 0; i < EXCHANGES_MAX; i++) {
      driver.exchange([], 5)
      const told = this.#other.exchange([], 5).find(({ kind }) => kind === Event.COMMITTED)
      if (told) return [0, ...told.fields]
      if (this.#otherPort.drain(delivery) > 0) return [delivery.readUInt16LE(6), 0, 0]
    }
    return []
  }

  persist(): void {
    this.#requests.push(request(SNAPSHOT, Buffer.alloc(0)))
    this.#submit()
  }

  stop(): void {
    if (this.#opened) this.#opened.binding.stopMember(this.#opened.info.member)
  }

  answers(): readonly number[] {
    const delivery = Buffer.alloc(MIB)
    const length = this.#port?.drain(delivery) ?? 0
    for (let at = 0; at < length; at += REQUEST_HEADER_BYTES + delivery.readUInt32LE(at)) {
      this.#answers.push(delivery.readUInt16LE(at + 6))
    }
    return this.#answers
  }

  deliver({ kind, term, fields, entryTerms }: WireMessage): void {
    const first = this.#last + 1
    const entries = entryTerms.map((entryTerm) => [Command.NOOP, 0, ++this.#last, entryTerm])
    const message = [Command.SEND, 0, this.self, kind, term, 0, ...fields, first, this.#last + 1]
    this.#other.exchange([...entries, message])
  }

  deliverSnapshot(index: number, term: number): void {
    const entries = Array.from({ length: index }, (_, i) => [Command.NOOP, 0, i + 1, term])
    let [applied] = this.#other.waitFor(Event.APPLIED, [...entries, [Command.COMMIT, 0, index]])
    while (applied !== index) [applied] = this.#other.waitFor(Event.APPLIED)
    this.#other.exchange([[Command.SNAPSHOT_SEND, 0, this.self]])
  }

  receivedSnapshot(): readonly number[] {
    const [ok, index = 0, term = 0] = this.#other.waitFor(Event.SNAPSHOT_INSTALLED)
    return ok === 1 ? [index, term] : []
  }

  sent(count: number): readonly WireMessage[] {
    for (let i = 0; i < EXCHANGES_MAX && this.#sent.length < count; i++) {
      for (const { kind, fields } of this.#other.exchange([], 20)) if (kind === Event.MESSAGE) this.#sent.push(messageOf(fields))
    }
    return this.#sent
  }

  async close(): Promise<void> {
    for (const opened of [this.#opened, this.#peer?.opened]) if (opened) await close(opened)
  }

  /** What is to be submitted, in one call. */
  #submit(): void {
    const submission = Buffer.concat(this.#requests.splice(0))
    const code = this.#port?.submit(submission, submission.length)
    if (code !== 0) throw new Error(`submit: code ${code}`)
  }

  get #otherPort(): Port {
    if (this.#peer === undefined) throw new Error('the other member does not run')
    const { opened } = this.#peer
    this.#peer.port ??= nativePort(
      opened.binding,
      opened.binding.openPort(opened.info.member, () => {}),
    )
    return this.#peer.port
  }

  get #other(): PlaneDriver {
    if (this.#peer === undefined) throw new Error('the other member does not run')
    return this.#peer.driver
  }
}

function request(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(REQUEST_HEADER_BYTES)
  header.writeUInt32LE(body.length, 0)
  header.writeUInt8(type, 4)
  return Buffer.concat([header, body])
}

/** From the fields of a MESSAGE event. */
function messageOf([
  ,
  kind = 0,
  term = 0,
  ,
  a = 0,
  b = 0,
  c = 0,
  d = 0,
  e = 0,
  f = 0,
  ,
  ,
  ...runs
]: readonly number[]): WireMessage {
  const entryTerms: number[] = []
  for (let at = 0; at < runs.length; at += 2) entryTerms.push(...Array<number>(runs[at + 1] ?? 0).fill(runs[at] ?? 0))
  return { kind, term, fields: [a, b, c, d, e, f], entryTerms }
}

configurationSuite('native plane', () => new NativeHarness())
planeSuite('native plane', () => new NativeHarness())
