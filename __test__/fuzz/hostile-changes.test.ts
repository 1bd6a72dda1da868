// Changes of the members that no cluster can carry out, with the real numbers of its members: each is refused with a code by every member that
// is asked, and nothing comes of it. The members stay up, and an honest change goes through afterwards.
import { expect, test } from 'vitest'
import { encodeChange } from '../../src/client/wire/change.js'
import type { ConfiguredMember } from '../../src/client/wire/membership.js'
import { Code } from '../../src/codes.js'
import { Cluster } from '../cluster/harness.js'
import { le } from './mutate.js'
import { dial, STRANGER } from './socket.js'

const CHANGE_MEMBERS = 10
const ANSWER_MS = 20_000
const MEMBER_AT = 20
const FIXED = { id: 0x7e57, part: 0, priority: 0, name: 'new', endpoint: '127.0.0.1:9' }

const withBytes = (body: Uint8Array, at: number, ...bytes: Buffer[]) => {
  const out = Buffer.from(body)
  Buffer.concat(bytes).copy(out, at)
  return out
}

/** What is refused, and with which codes. The members are those that there are. */
function lies(index: number, members: ConfiguredMember[]): [string, Uint8Array, string[]][] {
  const [first] = members as [ConfiguredMember]
  const malformed = ['PROTOCOL_ERROR']
  const invalid = ['INVALID_ARGUMENT']
  const wish = (more: ConfiguredMember[], of = members) => encodeChange(index, false, [...of, ...more])
  const at = (endpoint: string) => wish([{ ...FIXED, endpoint }])
  const whole = wish([FIXED])
  const many = Array.from({ length: 300 }, (_, i) => ({ ...FIXED, id: 1000 + i, name: `m${i}`, endpoint: `127.0.0.1:${1 + i}` }))
  return [
    ['a name twice', wish([{ ...FIXED, name: first.name }]), malformed],
    ['a number twice', wish([{ ...FIXED, id: first.id }]), malformed],
    ['number 0', wish([{ ...FIXED, id: 0 }]), malformed],
    ['no name', wish([{ ...FIXED, name: '' }]), malformed],
    ['a name of 1,000 bytes', wish([{ ...FIXED, name: 'n'.repeat(1000) }]), malformed],
    ['an endpoint of 1,000 bytes', at(`${'h'.repeat(1000)}:1`), malformed],
    ['an unknown part', wish([{ ...FIXED, part: 8 }]), malformed],
    [
      'witnesses that are a majority',
      wish(
        [
          { ...FIXED, part: 5 },
          { ...FIXED, id: 5, name: 'n5', part: 5 },
        ],
        [first],
      ),
      malformed,
    ],
    ['a member with data made a witness', wish([], [{ ...first, part: 5 }, ...members.slice(1)]), invalid],
    ['a part of who leaves', wish([{ ...FIXED, part: 2 }]), malformed],
    ['zero members', encodeChange(index, true, []), malformed],
    [
      'zero voters',
      encodeChange(
        index,
        true,
        members.map((member) => ({ ...member, part: 0 })),
      ),
      malformed,
    ],
    ['300 members', wish(many), malformed],
    ['an enormous count', withBytes(whole, 16, le(2n ** 32n - 1n, 4)), malformed],
    ['one member less than it has', withBytes(whole, 16, le(members.length, 4)), malformed],
    ['a length that lies', withBytes(whole, MEMBER_AT + 10, le(65_535, 2)), malformed],
    ['an index beyond 2^53', withBytes(whole, 0, le(2n ** 60n, 8)), malformed],
    ['unknown flags', withBytes(whole, 8, le(255, 1)), malformed],
    ['no UTF-8', withBytes(whole, whole.length - 3, le(0xff, 1)), malformed],
    ['nothing', new Uint8Array(), malformed],
    ['control characters in a name', wish([{ ...FIXED, name: 'a\u001b[2J' }]), invalid],
    ['another one’s endpoint', at(first.endpoint), invalid],
    ['who votes made a learner', wish([], [{ ...first, part: 0 }, ...members.slice(1)]), invalid],
    ...['', 'host', 'host:0', 'host:65536', 'a\n:1', '\u0000:1', 'unix:/tmp/a', 'a b:1'].map(
      (endpoint): [string, Uint8Array, string[]] => [`endpoint ${JSON.stringify(endpoint)}`, at(endpoint), ['ADDRESS_INVALID']],
    ),
    ['another index', encodeChange(index + 1, true, [...members, FIXED]), ['MEMBERS_CHANGING']],
    ['strangers who vote', wish([{ ...FIXED, part: 1 }], []), ['MEMBER_BEHIND']],
    ['a stranger who votes beside the others', wish([{ ...FIXED, part: 1 }]), ['MEMBER_BEHIND']],
  ]
}

const nameOf = (code: number) => Object.entries(Code).find(([, number]) => number === code)?.[0] ?? `code ${code}`

/** Sends one request as a client; resolves to the code of its answer, and to what the end of the connection says if there is none. */
async function ask(endpoint: string, body: Uint8Array): Promise<string> {
  const dialed = await dial(endpoint, STRANGER)
  if (dialed === null) return 'not let in'
  const { connection } = dialed
  await connection.send(Buffer.concat([le(body.length, 4), le(CHANGE_MEMBERS, 1), le(0, 3), le(1, 8), body]))
  const answer = await connection.next(ANSWER_MS)
  connection.close()
  return answer === null ? `no answer: ${connection.ended}` : nameOf(answer.readUInt16LE(6))
}

test('changes that no cluster can carry out', { timeout: 240_000 }, async () => {
  await using cluster = await Cluster.start()
  const db = await cluster.client()
  const before = await db.members.list()
  const members = before.map(({ id, name, endpoint }) => ({ id, part: 1, priority: 0, name, endpoint }))
  const pids = cluster.members.map(({ pid }) => pid)
  const { length } = lies(0, members)
  const wrong: string[] = []
  for (const [what, body, codes] of lies(0, members)) {
    for (const endpoint of cluster.endpoints) {
      const code = await ask(endpoint, body)
      if (!codes.includes(code)) wrong.push(`${what}, at ${endpoint}: ${code}, not ${codes}`)
    }
  }
  expect(wrong).toEqual([])
  expect(length).toBeGreaterThan(25)
  expect(await db.members.list()).toEqual(before)
  expect(cluster.members.map(({ pid, isRunning }) => isRunning && pid)).toEqual(pids)
  await db.members.add({ name: 'honest', endpoint: '127.0.0.1:9' })
  expect((await db.members.list()).map(({ name }) => name)).toEqual([...before.map(({ name }) => name), 'honest'])
})
