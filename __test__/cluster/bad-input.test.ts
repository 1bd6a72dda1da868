// Bad input to a real cluster: the same code from the leader's process, from a follower's and from a client, the members'
// own limits too. What is refused changes nothing, and other calls of the same turn go on.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type Database, type ErrorCode, open, put, RafterError } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { eventually } from './harness.js'

/** Below the limit that a client assumes. */
const VALUE_BYTES_MAX = 1_000
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-input-'))
const databases: Record<string, Database> = {}

beforeAll(async () => {
  const [a, b, c] = await freePorts(3)
  const members = { a: `127.0.0.1:${a}`, b: `127.0.0.1:${b}`, c: `127.0.0.1:${c}` }
  const opened = await Promise.all(
    Object.keys(members).map((name) => open({ name, members, dataDir: join(dir, name), valueBytesMax: VALUE_BYTES_MAX })),
  )
  const roles = await eventually('a leader', async () => {
    const found = (await opened[0]!.status()).map(({ role }) => role)
    if (!found.includes('leader') || found.includes('candidate')) throw new Error(found.join())
    return found
  })
  const leader = roles.indexOf('leader')
  databases['the leader'] = opened[leader]!
  databases['a follower'] = opened[(leader + 1) % 3]!
  databases['the other follower'] = opened[(leader + 2) % 3]!
  databases['a client'] = await connect({ endpoints: Object.values(members) })
})
afterAll(async () => {
  await Promise.all(Object.values(databases).map((db) => db.close()))
  rmSync(dir, { recursive: true, force: true })
})

const cases: [string, ErrorCode, (db: Database) => unknown][] = [
  ['an empty key', 'KEY_EMPTY', (db) => db.put('', 'v')],
  ['an empty key in a read', 'KEY_EMPTY', (db) => db.get('')],
  ['a key above 64 KiB', 'KEY_TOO_LARGE', (db) => db.put('k'.repeat(65_537), 'v')],
  ['a value above the limit of the member', 'VALUE_TOO_LARGE', (db) => db.put('k', 'v'.repeat(VALUE_BYTES_MAX + 1))],
  [
    'a value above the limit in a transaction',
    'VALUE_TOO_LARGE',
    (db) =>
      db
        .txn()
        .then(put('k', 'v'.repeat(VALUE_BYTES_MAX + 1)))
        .commit(),
  ],
  ['a value above 1.5 MiB', 'VALUE_TOO_LARGE', (db) => db.put('k', 'v'.repeat(1_572_865))],
  ['a range that ends before it starts', 'RANGE_REVERSED', (db) => db.count({ from: 'b', to: 'a' })],
  ['a deletion that ends before it starts', 'RANGE_REVERSED', (db) => db.delete({ from: 'b', to: 'a' })],
  ['one key put twice in a transaction', 'DUPLICATE_KEY', (db) => db.txn().then(put('k', '1'), put('k', '2')).commit()],
  ['a revision that is not there yet', 'FUTURE_REVISION', (db) => db.get('k', { revision: 1_000_000 })],
  ['a compaction of what is not there yet', 'FUTURE_REVISION', (db) => db.compact(1_000_000)],
  ['a member that does not exist', 'MEMBER_UNKNOWN', (db) => db.transferLeader('nobody')],
]

/** The code of what a call throws or rejects with. */
async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'nothing went wrong'
  } catch (error) {
    return error instanceof RafterError ? error.code : String(error)
  }
}

const who = ['the leader', 'a follower', 'a client']

test.each(cases)('%s is %s', async (_what, code, call) => {
  for (const name of who) expect(await codeOf(() => call(databases[name]!)), name).toBe(code)
  expect(await databases['a client']!.get('k')).toBe(null)
})

test.each(who)('good calls of the same turn as a bad one go on: %s', async (name) => {
  const db = databases[name]!
  const key = (n: number) => `turn/${name}/${n}`
  const calls = [db.put(key(1), 'v'), db.put(key(2), 'v'.repeat(VALUE_BYTES_MAX + 1)), db.put(key(3), 'v')]
  const outcomes = await Promise.allSettled(calls)
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(await Promise.all([1, 2, 3].map((n) => db.get(key(n))))).toEqual(['v', null, 'v'])
})

test('the largest key and the largest value pass', async () => {
  for (const name of who) {
    const key = name.padEnd(65_536, '.')
    await databases[name]!.put(key, 'v'.repeat(VALUE_BYTES_MAX))
    expect(await databases['a client']!.get(key)).toHaveLength(VALUE_BYTES_MAX)
  }
})
