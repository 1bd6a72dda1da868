// status lists every member, also those that do not answer; leadership goes where it is told to.
import { expect, test } from 'vitest'
import { createEmbedded, createRemote } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'
import { useVirtualTime } from './virtual-time.js'

useVirtualTime()

const PLAIN = { isWitness: false, priority: 0 }

test('status of a member in this process and of the others', async () => {
  const network = new FakeNetwork(3)
  network.members[2]!.down = true
  const db = await createEmbedded({ ports: network.ports })
  const statuses = await db.status()
  expect(statuses.map(({ name, role, endpoint }) => [name, role, endpoint])).toEqual([
    ['n1', 'leader', '127.0.0.1:7001'],
    ['n2', 'follower', '127.0.0.1:7002'],
    ['n3', 'unreachable', '127.0.0.1:7003'],
  ])
  expect(statuses[2]).toMatchObject({ id: 3, leader: null, term: 0, stateHash: '' })
  expect(network.members.map(({ ports }) => ports.size)).toEqual([1, 0, 0])
  await db.close()
})

test('a member that takes connections and does not answer is unreachable', async () => {
  const network = new FakeNetwork(2)
  const db = await createRemote({ ports: network.ports, endpoints: network.endpoints })
  network.members[1]!.stopped = true
  const [first, second] = await db.status({ timeout: 200 })
  expect([first?.role, second?.role]).toEqual(['leader', 'unreachable'])
  await db.close()
})

test('members', async () => {
  const db = await createEmbedded({ ports: new FakeNetwork(2).ports })
  expect(await db.members()).toEqual([
    { id: 1, name: 'n1', endpoint: '127.0.0.1:7001', role: 'voter', ...PLAIN, isLeader: true, changing: null },
    { id: 2, name: 'n2', endpoint: '127.0.0.1:7002', role: 'voter', ...PLAIN, isLeader: false, changing: null },
  ])
  await db.close()
})

test('leadership is transferred', async () => {
  const network = new FakeNetwork(3)
  const db = await createEmbedded({ ports: network.ports })
  await db.transferLeader('n2')
  expect(network.leader).toBe(2)
  await db.transferLeader('n2')
  await expect(db.transferLeader('n9')).rejects.toMatchObject({
    code: 'MEMBER_UNKNOWN',
    message: expect.stringContaining('n1, n2, n3'),
  })
  await db.close()
})

test('a transfer that does not come about times out', async () => {
  const network = new FakeNetwork(3)
  const db = await createEmbedded({ ports: network.ports })
  network.first.fault = ({ type }) => (type === 8 ? { code: 'LEADER_LOST' } : undefined)
  await expect(db.transferLeader('n2', { timeout: 60 })).rejects.toMatchObject({ code: 'TIMEOUT' })
  await db.close()
})

test('a transfer that the leader gives up is asked for again, one that is replaced is not', async () => {
  const network = new FakeNetwork(3)
  const db = await createEmbedded({ ports: network.ports })
  let refusals = 3
  network.first.fault = ({ type }) => (type === 8 && refusals-- > 0 ? { code: 'TIMEOUT' } : undefined)
  await db.transferLeader('n2')
  expect(network.leader).toBe(2)
  expect(refusals).toBe(-1)
  network.first.fault = ({ type }) => (type === 8 ? { code: 'ABORTED' } : undefined)
  await expect(db.transferLeader('n3')).rejects.toMatchObject({ code: 'ABORTED' })
  await db.close()
})
