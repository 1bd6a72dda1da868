// Goal: changes of the members do what they say, once, whatever other changes, leaders and answers come in between; and what cannot be is
// said with its reason.
import { expect, test } from 'vitest'
import type { Database, Member } from '../../src/client/api.js'
import { createEmbedded, createRemote } from '../../src/client/database/create-database.js'
import { RafterError } from '../../src/errors.js'
import { FakeNetwork, type Fault } from './fake-member.js'
import { type FakeRequest, readChange } from './fake-wire.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

const READ = 2
const MEMBERS = 7
const CHANGE_MEMBERS = 10

const D = { name: 'd', endpoint: '127.0.0.1:7009' }

async function cluster(count = 3): Promise<{ network: FakeNetwork; db: Database }> {
  const network = new FakeNetwork(count)
  return { network, db: await createEmbedded({ ports: network.ports }) }
}

/** The changes that the first member was asked for. */
function changesOf(network: FakeNetwork) {
  return network.first.requests.filter(({ type }) => type === CHANGE_MEMBERS).map(({ body }) => readChange(body))
}

/** Names and roles in the network, a learner with a question mark. */
function namesIn({ configuration }: FakeNetwork): string {
  return configuration.members.map(({ name, part }) => (part === 0 ? `${name}?` : name)).join(' ')
}

/** Does that to changes of the members alone. */
function onChange(network: FakeNetwork, fault: (request: FakeRequest) => Fault): void {
  network.first.fault = (request) => (request.type === CHANGE_MEMBERS ? fault(request) : undefined)
}

test('the list says who votes, who leads, and what a change under way makes of whom', async () => {
  const { network, db } = await cluster(5)
  const shown = async () =>
    (await db.members.list()).map(({ name, role, isLeader, changing }) => [name, role, isLeader, changing])
  network.configuration.members.forEach((member, i) => {
    member.part = [3, 1, 2, 0, 3][i] as number
  })
  expect(await shown()).toEqual([
    ['n1', 'voter', true, null],
    ['n2', 'voter', false, 'promoted'],
    ['n3', 'voter', false, 'removed'],
    ['n4', 'learner', false, null],
    ['n5', 'voter', false, null],
  ])
  for (const member of network.configuration.members) member.part = 1
  expect(new Set((await shown()).map(([, role, , changing]) => `${role} ${changing}`))).toEqual(new Set(['voter null']))
  await db.close()
})

test('a member of an older version, which says neither parts nor index, is understood', async () => {
  const { network, db } = await cluster()
  const { members } = network.configuration
  network.configuration = { members: members.map(({ part: _, ...rest }) => rest) } as never
  expect((await db.members()).map(({ role }) => role)).toEqual(['voter', 'voter', 'voter'])
  await db.close()
})

test('a member is added as a learner, promoted, moved and removed', async () => {
  const { network, db } = await cluster()
  const added = await db.members.add(D)
  expect(added.member).toEqual({
    ...D,
    id: expect.any(Number),
    role: 'learner',
    isWitness: false,
    priority: 0,
    isLeader: false,
    changing: null,
  })
  expect(added.member.id).toBeLessThan(2 ** 53)
  expect(added.members.map(({ name }) => name)).toEqual(['n1', 'n2', 'n3', 'd'])
  expect(namesIn(network)).toBe('n1 n2 n3 d?')
  expect((await db.members.promote('d')).member).toMatchObject({ id: added.member.id, role: 'voter' })
  expect(namesIn(network)).toBe('n1 n2 n3 d')
  expect((await db.members.update(added.member.id, { endpoint: '127.0.0.1:7010' })).member.endpoint).toBe('127.0.0.1:7010')
  expect((await db.members.remove(String(added.member.id))).member).toMatchObject({ name: 'd', role: 'voter' })
  expect(await db.members.list()).toHaveLength(3)
  expect(changesOf(network).map(({ from, forced }) => [from, forced])).toEqual([
    [0, false],
    [10, false],
    [20, false],
    [30, false],
  ])
  await db.close()
})

test('what is so already is asked for only once', async () => {
  const { network, db } = await cluster()
  const first = await db.members.add(D)
  expect(await db.members.add(D)).toEqual(first)
  await db.members.promote('n1')
  await db.members.update('n1', { endpoint: '127.0.0.1:7001' })
  expect(changesOf(network)).toHaveLength(1)
  await db.close()
})

test('one takes the place of another in one step', async () => {
  const { network, db } = await cluster()
  await db.members.add(D)
  const { member, members } = await db.members.replace('n2', 'd')
  expect(member).toMatchObject({ name: 'd', role: 'voter' })
  expect(members.map(({ name }) => name)).toEqual(['n1', 'n3', 'd'])
  expect(
    changesOf(network)
      .at(-1)
      ?.members.map(({ name, part }) => [name, part]),
  ).toEqual([
    ['n1', 1],
    ['n3', 1],
    ['d', 1],
  ])
  await db.close()
})

test.each<[string, (db: Database) => Promise<unknown>, string, RegExp]>([
  [
    'an unknown name',
    (db) => db.members.remove('nn1'),
    'MEMBER_UNKNOWN',
    /remove: there is no member nn1; did you mean n1\?; members: n1, n2/,
  ],
  ['an unknown number', (db) => db.members.promote(77), 'MEMBER_UNKNOWN', /promote: there is no member 77; members: n1, n2/],
  ['an unknown newcomer', (db) => db.members.replace('n1', 'zz'), 'MEMBER_UNKNOWN', /replace: there is no member zz/],
  [
    'a name that is there',
    (db) => db.members.add({ ...D, name: 'n2' }),
    'INVALID_ARGUMENT',
    /there is a member n2 at 127.0.0.1:7002; update/,
  ],
  [
    'an endpoint that is there',
    (db) => db.members.add({ ...D, endpoint: '127.0.0.1:7002' }),
    'INVALID_ARGUMENT',
    /is the endpoint of n2/,
  ],
  [
    'moving to where another is',
    (db) => db.members.update('n1', { endpoint: '127.0.0.1:7002' }),
    'INVALID_ARGUMENT',
    /endpoint of n2/,
  ],
  ['itself in its place', (db) => db.members.replace('n1', 'n1'), 'INVALID_ARGUMENT', /n1 cannot take its own place/],
  ['no name', (db) => db.members.add({ ...D, name: '' }), 'INVALID_ARGUMENT', /name must be a string, and not empty/],
  ['a long name', (db) => db.members.add({ ...D, name: 'é'.repeat(128) }), 'INVALID_ARGUMENT', /256 bytes, and may have 255/],
  ['no endpoint', (db) => db.members.add({ name: 'd' } as never), 'ADDRESS_INVALID', /endpoint: undefined is not host:port/],
  ['no port', (db) => db.members.add({ ...D, endpoint: 'h:0' }), 'ADDRESS_INVALID', /h:0 names no port/],
  ['a socket', (db) => db.members.update('n1', { endpoint: 'unix:/x' }), 'ADDRESS_INVALID', /over TCP/],
  ['a misspelt field', (db) => db.members.add({ ...D, endpont: '' } as never), 'INVALID_ARGUMENT', /did you mean endpoint/],
  ['a misspelt option', (db) => db.members.remove('n1', { forced: true } as never), 'INVALID_ARGUMENT', /did you mean force/],
  ['force of another kind', (db) => db.members.remove('n1', { force: 1 } as never), 'INVALID_ARGUMENT', /force is true or false/],
  ['no member', (db) => db.members.remove(undefined as never), 'INVALID_ARGUMENT', /by name or number, not undefined/],
])('refused: %s', async (_name, call, code, message) => {
  const { network, db } = await cluster(2)
  await expect(call(db)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  expect(changesOf(network)).toEqual([])
  await db.close()
})

test('the only voter stays, though others learn; and there are nine at most', async () => {
  const { network, db } = await cluster(1)
  await db.members.add(D)
  await expect(db.members.remove('n1')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('n1 is the only voter; promote another'),
  })
  await db.members.replace('n1', 'd')
  expect(namesIn(network)).toBe('d')
  for (let n = 2; n <= 9; n++) await db.members.add({ name: `m${n}`, endpoint: `h:${n}` })
  await expect(db.members.add({ name: 'm10', endpoint: 'h:10' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('at most 9'),
  })
  await db.close()
})

test('a promotion waits until the member has caught up', async () => {
  const { network, db } = await cluster()
  await db.members.add(D)
  let refusals = 4
  onChange(network, () => (refusals-- > 0 ? { code: 'MEMBER_BEHIND' } : undefined))
  await db.members.promote('d')
  expect(namesIn(network)).toBe('n1 n2 n3 d')
  onChange(network, () => ({ code: 'MEMBER_BEHIND' }))
  await db.members.add({ name: 'e', endpoint: 'h:1' }).catch(() => {})
  network.configuration.members.push({ id: 9, name: 'f', endpoint: 'h:2', part: 0 })
  await expect(db.members.promote('f', { timeout: 700 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    outcome: 'not-done',
    message: expect.stringMatching(/^promote: .*\(MEMBER_BEHIND\); not made in time$/),
  })
  await db.close()
})

test('what endangers the majority is refused with what to do, unless it is forced', async () => {
  const { network, db } = await cluster()
  onChange(network, ({ body }) => (readChange(body).forced ? undefined : { code: 'QUORUM_AT_RISK' }))
  await expect(db.members.remove('n1')).rejects.toMatchObject({
    code: 'QUORUM_AT_RISK',
    outcome: 'not-done',
    message: expect.stringContaining('start those that are down'),
  })
  await db.members.remove('n1', { force: true })
  expect(namesIn(network)).toBe('n2 n3')
  await db.close()
})

test('a change that another one overtakes is made from what there is then', async () => {
  const { network, db } = await cluster()
  let isFirst = true
  onChange(network, () => {
    if (isFirst) network.configuration = { index: 5, members: network.configuration.members.filter(({ id }) => id !== 2) }
    isFirst = false
    return undefined
  })
  await db.members.add(D)
  expect(namesIn(network)).toBe('n1 n3 d?')
  await db.close()
})

test('nothing is asked for while a change of voters is under way', async () => {
  const { network, db } = await cluster()
  const [first] = network.configuration.members
  if (first) first.part = 2
  const adding = db.members.add(D)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  expect(changesOf(network)).toEqual([])
  if (first) first.part = 1
  await adding
  expect(namesIn(network)).toBe('n1 n2 n3 d?')
  await db.close()
})

test('a change whose leader is lost is made once', async () => {
  const { network, db } = await cluster()
  const made: FakeRequest[] = []
  // It is carried out, and the leader is lost before it can say so.
  onChange(network, (request) => {
    made.push(request)
    const { members } = readChange(request.body)
    network.configuration = { index: 10, members }
    return { code: 'LEADER_LOST' }
  })
  const { member } = await db.members.add(D)
  expect(made).toHaveLength(1)
  expect(network.configuration.members.at(-1)?.id).toBe(member.id)
  onChange(network, ({ body }) => {
    network.configuration = { index: 20, members: readChange(body).members }
    return { code: 'LEADER_LOST' }
  })
  await db.members.remove('d')
  expect(namesIn(network)).toBe('n1 n2 n3')
  await db.close()
})

test('a member that has the name of the one that was meant by then is left alone', async () => {
  const { network, db } = await cluster()
  onChange(network, () => {
    const others = network.configuration.members.filter(({ id }) => id !== 3)
    network.configuration = { index: 10, members: [...others, { id: 8, name: 'n3', endpoint: 'h:8', part: 1 }] }
    return { code: 'LEADER_LOST' }
  })
  expect((await db.members.remove('n3')).member.id).toBe(3)
  expect(network.configuration.members.map(({ id }) => id)).toEqual([1, 2, 8])
  await db.close()
})

test('what is in force and not committed is not taken for made', async () => {
  const { network, db } = await cluster()
  network.configuration.index = 10
  network.committed = 9
  await expect(db.members.promote('n1', { timeout: 500 })).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-done' })
  // It is cut off again: then it is made anew.
  network.configuration.members.push({ id: 9, part: 0, ...D })
  const adding = db.members.add(D)
  await new Promise((resolve) => setTimeout(resolve, 300))
  network.configuration = { index: 5, members: network.configuration.members.slice(0, 3) }
  await adding
  expect(changesOf(network)).toHaveLength(1)
  network.committed = Number.MAX_SAFE_INTEGER
  await db.members.promote('n1')
  await db.close()
})

test('the member that is asked catches up before its list is believed', async () => {
  const { network, db } = await cluster()
  await db.members.add(D)
  const asked = network.first.requests.map(({ type }) => type).filter((type) => type === READ || type === MEMBERS)
  expect(asked.indexOf(READ)).toBeGreaterThanOrEqual(0)
  expect(asked.indexOf(READ)).toBeLessThan(asked.indexOf(MEMBERS))
  await db.close()
})

test('whoever gives up is told whether it may have been made', async () => {
  const { network, db } = await cluster()
  onChange(network, () => 'mute')
  await expect(db.members.add(D, { timeout: 300 })).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' })
  const controller = new AbortController()
  const removing = db.members.remove('n3', { signal: controller.signal })
  await new Promise((resolve) => setTimeout(resolve, 50))
  controller.abort()
  await expect(removing).rejects.toMatchObject({ code: 'ABORTED', outcome: 'unknown' })
  await expect(db.members.remove('n2', { signal: controller.signal })).rejects.toMatchObject({
    code: 'ABORTED',
    outcome: 'not-done',
  })
  // The leader is lost, and nobody says what became of it.
  onChange(network, () => ({ code: 'LEADER_LOST' }))
  await expect(db.members.remove('n2', { timeout: 300 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    outcome: 'unknown',
    message: expect.stringContaining('see members.list()'),
  })
  await db.close()
  await expect(db.members.list()).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(db.members.remove('n1')).rejects.toMatchObject({ code: 'CLOSED' })
})

test('all groups get the same members, the first at last', async () => {
  const { network, db } = await cluster()
  const { members } = network.configuration
  network.otherGroups.push({ index: 3, members: [...members] }, { index: 4, members: members.slice(0, 2) })
  await db.members.remove('n3')
  const asked = network.first.requests.filter(({ type }) => type === CHANGE_MEMBERS)
  // The last one is so already.
  expect(asked.map(({ group, body }) => [group, readChange(body).from])).toEqual([
    [1, 3],
    [0, 0],
  ])
  for (const group of [0, 1, 2]) expect(network.configurationOf(group).members.map(({ name }) => name)).toEqual(['n1', 'n2'])
  await db.close()
})

test('a member in this process that takes itself out has done so when it is told that it is out', async () => {
  const { network, db } = await cluster()
  onChange(network, () => ({ code: 'MEMBER_REMOVED' }))
  expect((await db.members.remove('n1')).member.name).toBe('n1')
  await expect(db.members.remove('n2')).rejects.toMatchObject({ code: 'MEMBER_REMOVED' })
  await db.close()
})

test.each(['embedded', 'remote'])('listeners hear that the list is another one (%s)', async (kind) => {
  const network = new FakeNetwork(3)
  const { ports, endpoints } = network
  const db = await (kind === 'embedded' ? createEmbedded({ ports }) : createRemote({ ports, endpoints }))
  const heard: string[] = []
  const off = db.on('members', (members: Member[]) => {
    heard.push(members.map(({ name, isLeader }) => (isLeader ? `${name}!` : name)).join(' '))
  })
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  await pause(6000)
  expect(heard).toEqual([])
  network.change(network.configuration.members.slice(0, 2))
  await pause(20)
  expect(heard).toEqual(['n1! n2'])
  await db.members.add(D)
  await pause(20)
  expect(heard.at(-1)).toBe('n1! n2 d')
  network.leader = 2
  await pause(20)
  expect(heard.slice(2)).toEqual(['n1 n2! d'])
  off()
  const asked = network.first.count(MEMBERS)
  network.change(network.configuration.members.slice(0, 2))
  await pause(4000)
  expect(heard).toHaveLength(3)
  if (kind === 'embedded') expect(network.first.count(MEMBERS)).toBe(asked)
  expect(() => db.on('membrs' as never, () => {})).toThrow(/unknown event membrs; did you mean members/)
  expect(() => db.on('members', 'x' as never)).toThrow(RafterError)
  await db.close()
  expect(() => db.on('members', () => {})).toThrow(/closed/)
})
