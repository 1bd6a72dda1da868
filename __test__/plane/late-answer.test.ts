// A member asks the leader for its clients, crashes and starts again; the leader's late answer to the earlier life must not
// be taken for the answer to what was asked since, nor an answer of somebody who was not asked.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Port } from '../../src/client/connection/port.js'
import type { MemberConfig } from '../../src/cluster/member.js'
import { Code } from '../../src/codes.js'
import type { Binding, MemberInfo } from '../../src/native/binding.js'
import { parseReply } from '../../src/native/errors.js'
import { loadBinding } from '../../src/native/load.js'
import { nativePlane } from '../../src/native/plane.js'
import { nativePort } from '../../src/native/port.js'
import { Command, Event } from '../../src/plane/record-kinds.js'
import { Role } from '../../src/raft/raft-kinds.js'
import { response, u8, u16, u32, u64 } from '../client/fake-wire.js'
import { type Connection, dial, Impostor, STRANGER } from '../fuzz/socket.js'
import { freePorts } from '../ports.js'
import { PlaneDriver } from './driver.js'

const MIB = 1 << 20
const WRITE = 1
const READ = 2
const FORWARD = 2
const FORWARDED = 3
const READ_INDEX = 5
const READ_REPLY = 6
const HEADER_BYTES = 16

let root: string
let members: MemberConfig['members']
let ids: number[]
let leader: Impostor | undefined
let other: Impostor | undefined
let life: Life | undefined

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'rafterdb-late-'))
  members = (await freePorts(3)).map((port, i) => ({ name: 'abc'.charAt(i), endpoint: `127.0.0.1:${port}` }))
})
afterEach(async () => {
  await life?.end()
  life = undefined
  await leader?.[Symbol.asyncDispose]()
  await other?.[Symbol.asyncDispose]()
  leader = undefined
  other = undefined
  rmSync(root, { recursive: true, force: true })
})

/** The member under test, from its start to its end, told that `leader` leads. */
class Life {
  readonly binding: Binding = loadBinding()
  readonly answers: { id: number; code: number }[] = []
  info!: MemberInfo
  driver!: PlaneDriver
  port!: Port
  /** From the leader, and from the other member. */
  fromLeader!: Connection
  fromOther!: Connection

  static async begin(): Promise<Life> {
    const self = new Life()
    const { name, endpoint } = members[0] as MemberConfig['members'][number]
    const config: MemberConfig = {
      ...{ name, dataDir: join(root, name), members, listen: [endpoint], durability: 'always', durabilityInterval: 100 },
      ...{ electionTimeout: 500, clusterToken: null },
      ...{ memory: 32 * MIB, valueBytesMax: MIB, groups: 1, segmentBytes: MIB, cpuAffinity: null },
    }
    const opened = await self.binding.openMember(
      JSON.stringify(config),
      () => {},
      () => {},
      false,
    )
    self.info = parseReply<MemberInfo>(opened)
    self.driver = new PlaneDriver(nativePlane(self.binding, self.info.member))
    const port = self.binding.openPort(self.info.member, () => {})
    self.port = nativePort(self.binding, port)
    if (leader === undefined) await self.#others()
    self.fromLeader = await self.#dialed(1)
    self.fromOther = await self.#dialed(2)
    const up = new Set<number>()
    // Not blocked: the impostors answer on this thread.
    while (up.size < 2) {
      for (const { kind, fields } of self.driver.exchange())
        if (kind === Event.PEER && fields[1] === 1) up.add(fields[0] as number)
      await sleep(5)
    }
    self.driver.exchange([
      [Command.PERSIST, 0, 1, 0, 0],
      [Command.ROLE, 0, Role.FOLLOWER, 1, ids[1] as number],
    ])
    return self
  }

  async #others(): Promise<void> {
    ids = members.map(({ name }) => this.info.members.find((member) => member.name === name)?.id ?? 0)
    leader = await Impostor.listen(members[1]!.endpoint, ids[1] as number)
    other = await Impostor.listen(members[2]!.endpoint, ids[2] as number)
  }

  /** Both lanes of a member; the fast one. */
  async #dialed(member: 1 | 2): Promise<Connection> {
    const stranger = await dial(members[0]!.endpoint, STRANGER)
    stranger!.connection.close()
    const { roster } = stranger!.answer
    const lanes = [1, 2].map((kind) =>
      dial(members[0]!.endpoint, { kind, roster, memberId: ids[member] as number, to: ids[0] as number }),
    )
    return (await Promise.all(lanes))[0]!.connection
  }

  submit(type: number, id: number, body: Buffer): void {
    const request = Buffer.concat([u32(body.length), u8(type), u8(0), u16(0), u64(id), body])
    expect(this.port.submit(request, request.length)).toBe(0)
  }

  /** Lets the plane work, and returns what the app was answered so far. */
  async answered(): Promise<{ id: number; code: number }[]> {
    for (let i = 0; i < 10; i++) {
      this.driver.exchange([], 10)
      await sleep(5)
    }
    const delivery = Buffer.alloc(MIB)
    const length = this.port.drain(delivery)
    for (let at = 0; at < length; at += HEADER_BYTES + delivery.readUInt32LE(at)) {
      this.answers.push({ id: Number(delivery.readBigUInt64LE(at + 8)), code: delivery.readUInt16LE(at + 6) })
    }
    return this.answers
  }

  async end(): Promise<void> {
    this.binding.stopMember(this.info.member)
    await this.binding.closeMember(this.info.member)
  }
}

/** The number under which the leader was asked, and the bytes that an answer echoes. */
async function asked(kind: number, at: number): Promise<Buffer> {
  for (let i = 0; i < 200; i++) {
    for (const body of leader?.take(ids[0] as number) ?? []) if (body[0] === kind) return Buffer.from(body.subarray(at, at + 8))
    life!.driver.exchange([], 5)
    await sleep(5)
  }
  throw new Error('the leader was not asked')
}

const BATCH = Buffer.concat([u64(0), u64(0), u64(0), u32(0), u32(0)])
const RANGE = Buffer.concat([u8(5), u8(0), u16(0), u32(1), u32(0), u64(0), u64(0), Buffer.from('k')])
const READ_BODY = Buffer.concat([u32(0), u32(1), u64(0), RANGE])

const questions = [
  {
    what: 'a write',
    ask: (id: number) => life!.submit(WRITE, id, BATCH),
    number: () => asked(FORWARD, 4 + 8),
    answer: (number: Buffer) => {
      const done = response(WRITE, 0, Code.OK, 0, Buffer.alloc(0))
      return Buffer.concat([u8(FORWARDED), Buffer.alloc(3), done.subarray(0, 8), number])
    },
  },
  {
    what: 'a read index',
    ask: (id: number) => life!.submit(READ, id, READ_BODY),
    number: () => asked(READ_INDEX, 4),
    answer: (number: Buffer) =>
      Buffer.concat([u8(READ_REPLY), u8(0), u16(0), number, u16(Code.OK), Buffer.alloc(6), u64(0), u64(0)]),
  },
]

test.each(questions)('$what: an answer to an earlier life is none', async ({ ask, number, answer }) => {
  life = await Life.begin()
  ask(1)
  const first = await number()
  await life.end()
  life = await Life.begin()
  ask(2)
  const second = await number()
  await life.fromLeader.send(answer(first))
  expect(await life.answered(), 'the late answer').toEqual([])
  await life.fromLeader.send(answer(second))
  expect(await life.answered()).toEqual([{ id: 2, code: Code.OK }])
})

test.each(questions)('$what: an answer of a member that was not asked is none', async ({ ask, number, answer }) => {
  life = await Life.begin()
  ask(1)
  const asked = await number()
  await life.fromOther.send(answer(asked))
  expect(await life.answered(), 'the answer of another').toEqual([])
  await life.fromLeader.send(answer(asked))
  expect(await life.answered()).toEqual([{ id: 1, code: Code.OK }])
})
