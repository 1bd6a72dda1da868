// Goal: a member that joins is taken in, catches up and votes; a start anew does only what is left of that; what cannot be says why.
import { expect, test } from 'vitest'
import { createEmbedded, createRemote } from '../../src/client/database/create-database.js'
import { askCluster, becomeMember } from '../../src/client/join/become-member.js'
import { FakeMember, FakeNetwork } from './fake-member.js'
import { readChange } from './fake-wire.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

const CHANGE_MEMBERS = 10
const SELF = { id: 9, name: 'd', endpoint: '127.0.0.1:7009' }

class World {
  readonly network = new FakeNetwork(3)
  /** The member that joins; it knows what the network knows. */
  readonly joiner = new FakeMember(this.network, SELF.id)
  readonly said: string[] = []

  constructor() {
    this.network.members.push(this.joiner)
  }

  async join(more: { signal?: AbortSignal; self?: typeof SELF } = {}): Promise<void> {
    const { ports } = this.network
    const own = await createEmbedded({
      ports: (endpoint, notify, lost) => ports(endpoint ?? this.joiner.endpoint, notify, lost),
      requestTimeout: 1000,
    })
    this.network.dialed.length = 0
    try {
      await becomeMember({
        self: more.self ?? SELF,
        endpoints: ['127.0.0.1:7002'],
        own,
        connect: (endpoints) => createRemote({ ports, endpoints, requestTimeout: 1000 }),
        log: (line, level) => this.said.push(`${level}: ${line}`),
        signal: more.signal,
      })
    } finally {
      await own.close()
    }
  }

  /** Who is a member, a learner with a question mark. */
  get names(): string {
    return this.network.configuration.members.map(({ id, name, part }) => `${name}${id}${part === 0 ? '?' : ''}`).join(' ')
  }

  /** How often the members were changed, whoever was asked. */
  get changes(): number {
    return this.network.members.reduce((sum, member) => sum + member.count(CHANGE_MEMBERS), 0)
  }
}

test('it is taken in by others, and then asks for its vote itself', async () => {
  const world = new World()
  await world.join()
  expect(world.names).toBe('n11 n22 n33 d9')
  const [promotion] = world.joiner.requests.filter(({ type }) => type === CHANGE_MEMBERS)
  expect(readChange(promotion?.body as Buffer).members.at(-1)).toMatchObject({ ...SELF, part: 1 })
  expect(world.changes).toBe(2)
  expect(world.said).toEqual([
    'info: asks the cluster to take in d at 127.0.0.1:7009',
    'info: was taken in, learns, and copies what there is',
    'info: has caught up, and votes',
  ])
})

test('a start anew does what is left: nothing, the promotion, or saying where it is now', async () => {
  const world = new World()
  await world.join()
  await world.join()
  expect([world.changes, world.network.dialed]).toEqual([2, []])
  const self = world.network.configuration.members.at(-1) as { part: number }
  self.part = 0
  await world.join()
  expect([world.changes, world.network.dialed, world.names]).toEqual([3, [], 'n11 n22 n33 d9'])
  await world.join({ self: { ...SELF, endpoint: '127.0.0.1:8000' } })
  expect(world.network.configuration.members.at(-1)).toMatchObject({ endpoint: '127.0.0.1:8000', part: 1 })
  expect(world.said.at(-1)).toBe('info: is at 127.0.0.1:8000 from now on')
})

test('what it was told itself at its start is not what the cluster knows', async () => {
  const world = new World()
  world.network.configuration.members.push({ ...SELF, part: 0 })
  await world.join()
  expect(world.said[0]).toMatch(/asks the cluster to take in d/)
})

test('it takes the place of a learner of its name, and of no voter', async () => {
  const world = new World()
  const { members } = world.network.configuration
  members.push({ ...SELF, id: 77, part: 0 })
  world.network.configuration.index = 5
  await world.join()
  expect(world.names).toBe('n11 n22 n33 d9')
  await expect(world.join({ self: { ...SELF, id: 8 } })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/a voter is called d.*join under another name and replace d by it, or remove d first/),
  })
  await expect(world.join({ self: { id: 8, name: 'e', endpoint: '127.0.0.1:7002' } })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('is the endpoint of n2'),
  })
})

test('it goes on for as long as it takes, says why now and then, and can be told to stop', async () => {
  const world = new World()
  world.joiner.fault = ({ type }) => (type === CHANGE_MEMBERS ? { code: 'MEMBER_BEHIND' } : undefined)
  const joining = world.join()
  await new Promise((resolve) => setTimeout(resolve, 60_000))
  const warnings = world.said.filter((line) => line.startsWith('warn: is not a voter yet: promote: '))
  expect(warnings.length).toBeGreaterThan(2)
  expect(warnings.length).toBeLessThan(8)
  world.joiner.fault = () => undefined
  await joining
  const controller = new AbortController()
  const stopped = new World()
  stopped.joiner.fault = world.joiner.fault = ({ type }) => (type === CHANGE_MEMBERS ? 'lose' : undefined)
  const stopping = stopped.join({ signal: controller.signal })
  setTimeout(() => controller.abort(), 5_000)
  await expect(stopping).rejects.toMatchObject({ code: 'ABORTED' })
})

test('a wrong token is found out', async () => {
  const world = new World()
  world.joiner.fault = ({ type }) => (type === CHANGE_MEMBERS ? 'lose' : undefined)
  world.joiner.peers = [
    { connected: false, code: 'TOKEN_MISMATCH' },
    { connected: false, code: null },
  ]
  await expect(world.join()).rejects.toMatchObject({
    code: 'TOKEN_MISMATCH',
    message: expect.stringContaining('another cluster token than d, or none; give it theirs'),
  })
})

test('who is there is asked of all endpoints; that nobody answers says so of each', async () => {
  const { network } = new World()
  network.first.down = true
  const ask = (...endpoints: string[]) => askCluster(network.ports, endpoints, 500, undefined)
  const { cluster, members } = await ask('127.0.0.1:7001', '127.0.0.1:7002')
  expect([cluster, members.length]).toEqual([0xc1, 3])
  await expect(ask('127.0.0.1:7001', '127.0.0.1:9999')).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringMatching(/^join: no member answers: 127.0.0.1:7001 \(connection refused\), 127.0.0.1:9999/),
  })
  network.cluster = 0
  await expect(ask('127.0.0.1:7002')).rejects.toMatchObject({
    code: 'NO_LEADER',
    message: expect.stringContaining('127.0.0.1:7002 has not heard of a leader yet'),
  })
})
