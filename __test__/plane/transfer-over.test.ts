// Whoever asked for a leader transfer is answered, however it ends: come about, given up, replaced, or another member leads.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MemberConfig } from '../../src/cluster/member.js'
import { Code } from '../../src/codes.js'
import type { MemberInfo } from '../../src/native/binding.js'
import { parseReply } from '../../src/native/errors.js'
import { loadBinding } from '../../src/native/load.js'
import { nativePlane } from '../../src/native/plane.js'
import { nativePort } from '../../src/native/port.js'
import { Command, Event } from '../../src/plane/record-kinds.js'
import { Role } from '../../src/raft/raft-kinds.js'
import { u8, u16, u32, u64 } from '../client/fake-wire.js'
import { freePorts } from '../ports.js'
import { PlaneDriver } from './driver.js'

const MIB = 1 << 20
const TRANSFER = 8
const HEADER_BYTES = 16
const root = mkdtempSync(join(tmpdir(), 'rafterdb-transfer-'))
const binding = loadBinding()
let info: MemberInfo
let driver: PlaneDriver
let port: ReturnType<typeof nativePort>
/** Of this member and of two that are not there. */
let self: number
let first: number
let second: number
let requests = 0

beforeAll(async () => {
  const ports = await freePorts(3)
  const members = ['a', 'b', 'c'].map((name, i) => ({ name, endpoint: `127.0.0.1:${ports[i]}` }))
  const config: MemberConfig = {
    ...{ name: 'a', dataDir: root, members, listen: [members[0]?.endpoint ?? ''], durability: 'always', durabilityInterval: 100 },
    ...{ electionTimeout: 500, clusterToken: null },
    ...{ memory: 32 * MIB, valueBytesMax: MIB, groups: 1, segmentBytes: MIB, cpuAffinity: null },
  }
  const told = () => {}
  info = parseReply<MemberInfo>(await binding.openMember(JSON.stringify(config), told, told, false))
  driver = new PlaneDriver(nativePlane(binding, info.member))
  port = nativePort(binding, binding.openPort(info.member, told))
  const idOf = (wanted: string) => info.members.find(({ name }) => name === wanted)?.id ?? 0
  self = idOf('a')
  first = idOf('b')
  second = idOf('c')
})

afterAll(async () => {
  binding.stopMember(info.member)
  await binding.closeMember(info.member)
  rmSync(root, { recursive: true, force: true })
})

const lead = (leader: number) => [Command.ROLE, 0, leader === self ? Role.LEADER : Role.FOLLOWER, 1, leader]
const over = (target: number, code: number) => [Command.TRANSFER_OVER, 0, target, code]

/** Asks for a transfer; the number of the request. Its event has come. */
function ask(target: number): number {
  const id = ++requests
  const request = Buffer.concat([u32(8), u8(TRANSFER), u8(0), u16(0), u64(id), u64(target)])
  expect(port.submit(request, request.length)).toBe(0)
  for (;;) {
    const transfers = driver.exchange([], 10).filter(({ kind }) => kind === Event.TRANSFER)
    if (transfers.some(({ fields }) => fields.includes(target))) return id
  }
}

/** Lets the plane carry out `commands`; the answers that the app has then. */
function answers(...commands: number[][]): { id: number; code: number }[] {
  driver.exchange(commands)
  const delivery = Buffer.alloc(MIB)
  const length = port.drain(delivery)
  const found = []
  for (let at = 0; at < length; at += HEADER_BYTES + delivery.readUInt32LE(at)) {
    found.push({ id: Number(delivery.readBigUInt64LE(at + 8)), code: delivery.readUInt16LE(at + 6) })
  }
  return found
}

test('given up, or replaced by one to another member: with the code that the core gives', () => {
  expect(answers(lead(self))).toEqual([])
  const replaced = ask(first)
  const both = [ask(second), ask(second)]
  expect(answers()).toEqual([])
  expect(answers(over(first, Code.ABORTED))).toEqual([{ id: replaced, code: Code.ABORTED }])
  expect(answers(over(second, Code.TIMEOUT))).toEqual(both.map((id) => ({ id, code: Code.TIMEOUT })))
})

test('nothing waits: nobody is answered', () => {
  expect(answers(lead(self), over(first, Code.TIMEOUT))).toEqual([])
})

test('the target is a member no more, or votes no more: so the code says', () => {
  answers(lead(self))
  const roster = (...members: number[]) => [Command.ROSTER, 0, members.length / 2, ...members]
  const asked = ask(first)
  expect(answers(roster(self, 1, second, 1))).toEqual([{ id: asked, code: Code.MEMBER_UNKNOWN }])
  expect(answers(roster(self, 1, first, 1, second, 1))).toEqual([])
  const again = ask(first)
  expect(answers(over(first, Code.MEMBER_UNKNOWN))).toEqual([{ id: again, code: Code.MEMBER_UNKNOWN }])
})

test('come about, or another member leads', () => {
  answers(lead(self))
  const [done, lost] = [ask(first), ask(second)]
  expect(answers(lead(first))).toEqual([
    { id: done, code: Code.OK },
    { id: lost, code: Code.LEADER_LOST },
  ])
})

test('asked when the target led already, and the core hears of it later: done', () => {
  answers(lead(self))
  const asked = ask(first)
  expect(answers(lead(0))).toEqual([])
  // The leader is told of by the next command, but the core's refusal is on its way.
  expect(answers(lead(first), over(first, Code.NOT_LEADER))).toEqual([{ id: asked, code: Code.OK }])
})

test('asked of a member that leads no more: it says so', () => {
  answers(lead(self))
  const asked = ask(first)
  expect(answers(lead(0), over(first, Code.NOT_LEADER))).toEqual([{ id: asked, code: Code.NOT_LEADER }])
})
