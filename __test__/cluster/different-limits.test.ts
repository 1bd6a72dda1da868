// Members with different limits for a value: each keeps its own at its door, and what was taken in is applied by all alike.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, open, RafterError } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { describe, eventually } from './harness.js'

const SMALL = 100
const LARGE = 1_000
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-limits-'))
const limitOf: Record<string, number> = { a: SMALL, b: LARGE, c: LARGE }
const members: Record<string, Database> = {}

beforeAll(async () => {
  const ports = await freePorts(3)
  const endpoints = Object.fromEntries(Object.keys(limitOf).map((name, i) => [name, `127.0.0.1:${ports[i]}`]))
  const opened = Object.entries(limitOf).map(async ([name, valueBytesMax]) => {
    members[name] = await open({ name, members: endpoints, dataDir: join(dir, name), valueBytesMax })
  })
  await Promise.all(opened)
})
afterAll(async () => {
  await Promise.all(Object.values(members).map((db) => db.close()))
  rmSync(dir, { recursive: true, force: true })
})

async function lead(name: string): Promise<void> {
  await eventually(`${name} to lead`, async () => {
    const statuses = await members[name]!.status()
    if (statuses.some((status) => status.name === name && status.role === 'leader')) return
    await members[name]!.transferLeader(name)
    throw new Error(describe(statuses))
  })
}

const outcome = (name: string, bytes: number) =>
  members[name]!.put(`${name}/${bytes}`, 'v'.repeat(bytes)).then(
    () => 'done',
    (error) => (error instanceof RafterError ? error.code : String(error)),
  )

test.each([
  // Both doors have to be passed: the asked member's, and the leader's.
  ['a', { a: 'VALUE_TOO_LARGE', b: 'VALUE_TOO_LARGE' }],
  ['b', { a: 'VALUE_TOO_LARGE', b: 'done' }],
])('while %s leads', async (leader, expected) => {
  await lead(leader)
  expect({ a: await outcome('a', LARGE), b: await outcome('b', LARGE) }).toEqual(expected)
  expect([await outcome('a', SMALL), await outcome('b', SMALL)]).toEqual(['done', 'done'])
  const statuses = await eventually('all to have applied the same', async () => {
    const all = await members['c']!.status()
    if (new Set(all.map(({ applied }) => applied)).size !== 1) throw new Error(describe(all))
    return all
  })
  expect(new Set(statuses.map(({ stateHash }) => stateHash)).size, describe(statuses)).toBe(1)
})
