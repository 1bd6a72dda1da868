// `rafterdb member` shows the members and changes them, and says what to do next.
import { expect, test } from 'vitest'
import type { Member } from '../../src/client/api.js'
import { RafterError } from '../../src/errors.js'
import { FakeDatabase } from './fake-database.js'
import { shell } from './shell.js'

const member = (id: number, more: Partial<Member> = {}): Member => ({
  id,
  name: `n${id}`,
  endpoint: `127.0.0.1:710${id}`,
  role: 'voter',
  isWitness: false,
  priority: 0,
  isLeader: false,
  changing: null,
  ...more,
})

function three(): FakeDatabase {
  const db = new FakeDatabase()
  db.memberRows = [member(1, { isLeader: true }), member(2), member(3)]
  return db
}

test('list is a table, or an array with every field', async () => {
  const db = three()
  db.memberRows = [
    member(1, { isLeader: true, changing: 'removed' }),
    member(2, { changing: 'promoted' }),
    member(3, { role: 'learner' }),
  ]
  expect(await shell(['member', 'list'], { db })).toMatchObject({
    code: 0,
    err: '',
    out: [
      'NAME  ENDPOINT        ROLE                   ID',
      'n1    127.0.0.1:7101  leader, being removed   1',
      'n2    127.0.0.1:7102  voter, being promoted   2',
      'n3    127.0.0.1:7103  learner                 3',
      '',
    ].join('\n'),
  })
  expect(JSON.parse((await shell(['member', 'list', '--json'], { db })).out)).toEqual(db.memberRows)
})

test('add says how to start the member, with the endpoints that it was told', async () => {
  const db = three()
  const { code, out } = await shell(['member', 'add', 'n4', '127.0.0.1:7104', '--endpoints', '127.0.0.1:7101'], { db })
  expect(code).toBe(0)
  expect(out).toMatch(/^added n4 at 127.0.0.1:7104 as a learner. Start it there/)
  expect(out).toContain('  rafterdb serve --name n4 --data-dir DIR --listen 127.0.0.1:7104 --join 127.0.0.1:7101\n')
  expect(await shell(['member', 'promote', 'n4'], { db })).toMatchObject({
    code: 0,
    out: 'n4 votes; 4 voters: n1, n2, n3, n4\n',
  })
})

test('remove, replace and update', async () => {
  const db = three()
  db.memberRows.push(member(4, { role: 'learner' }))
  const run = async (...args: string[]) => (await shell(['member', ...args], { db })).out
  expect(await run('update', 'n1', 'h:1')).toBe('n1 is at h:1\n')
  expect(await run('replace', 'n2', 'n4')).toBe('n4 is in the place of n2; 3 voters: n3, n1, n4\n')
  expect(await run('remove', '3', '--force')).toBe('removed n3; 2 voters: n1, n4\n')
  expect(JSON.parse(await run('remove', 'n1', '--json'))).toMatchObject({ member: { name: 'n1' }, members: [{ name: 'n4' }] })
  expect(db.memberCalls.map(([name, , ...rest]) => [name, (rest.at(-1) as { force?: boolean }).force])).toEqual([
    ['update', undefined],
    ['replace', false],
    ['remove', true],
    ['remove', false],
  ])
})

test('what goes wrong is one line with an exit code', async () => {
  const db = three()
  expect(await shell(['member', 'remove', 'n9'], { db })).toMatchObject({
    code: 1,
    err: 'rafterdb: remove: there is no member n9 (MEMBER_UNKNOWN)\n',
  })
  db.beforeChange = () => {
    throw new RafterError('QUORUM_AT_RISK', 'remove: too few answer')
  }
  expect(await shell(['member', 'remove', 'n1'], { db })).toMatchObject({
    code: 1,
    err: 'rafterdb: remove: too few answer; see `rafterdb status`; --force does it all the same (QUORUM_AT_RISK)\n',
  })
  for (const wrong of [
    ['member'],
    ['member', 'add', 'n4'],
    ['member', 'remove'],
    ['member', 'list', 'n1'],
    ['member', 'promote', 'n1', '--force'],
  ])
    expect((await shell(wrong, { db })).code, wrong.join(' ')).toBe(2)
  expect((await shell(['member', 'lst'], { db })).err).toBe("rafterdb: unknown command 'lst' (Did you mean list?)\n")
  expect(await shell(['member', '--help'], { db })).toMatchObject({ code: 0, out: expect.stringContaining('replace') })
})
