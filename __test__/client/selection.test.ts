// Which keys a prefix, a range and everything cover, also at the edges of the byte order.
import { expect, test } from 'vitest'
import type { Database, RangeOptions, Selection } from '../../src/client/api.js'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { prefixEnd } from '../../src/client/wire/span.js'
import { FakeNetwork } from './fake-member.js'
import { freshSeed, Random } from './random.js'

const bytes = (...values: number[]) => Uint8Array.from(values)

async function keysOf(db: Database, options: RangeOptions<'bytes'>): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of db.range({ ...options, as: 'bytes' })) keys.push(Buffer.from(key).toString('hex'))
  return keys
}

async function filled(keys: Uint8Array[]): Promise<Database> {
  const db = await createEmbedded({ ports: new FakeNetwork().ports })
  await Promise.all(keys.map((key) => db.put(key, '')))
  return db
}

test('the end of a prefix', () => {
  expect(prefixEnd(bytes(1, 2))).toEqual(bytes(1, 3))
  expect(prefixEnd(bytes(1, 0xff))).toEqual(bytes(2))
  expect(prefixEnd(bytes(0xff, 0xff))).toEqual(bytes(0))
  const prefix = Buffer.from('ab')
  prefixEnd(prefix)
  expect(prefix.toString()).toBe('ab')
})

test('prefixes at the end of the byte order, and the empty one', async () => {
  const db = await filled([bytes(0), bytes(0xfe, 0xff), bytes(0xff), bytes(0xff, 0xff), bytes(0xff, 0xff, 1)])
  expect(await keysOf(db, { prefix: bytes(0xff, 0xff) })).toEqual(['ffff', 'ffff01'])
  expect(await keysOf(db, { prefix: bytes(0xfe) })).toEqual(['feff'])
  expect(await keysOf(db, { prefix: '' })).toHaveLength(5)
  expect(await keysOf(db, {})).toHaveLength(5)
  expect(await keysOf(db, { from: bytes(0xff, 0xff, 1) })).toEqual(['ffff01'])
  await db.close()
})

test('a range that ends at the lowest key is empty, not everything', async () => {
  const db = await filled([bytes(0), bytes(1)])
  expect(await keysOf(db, { to: '\0' })).toEqual([])
  expect(await db.count({ from: '', to: '\0' })).toBe(0)
  expect(await db.delete({ to: '\0' })).toEqual({ revision: 2, deleted: 0 })
  expect(await keysOf(db, { from: 'a', to: 'a' })).toEqual([])
  expect(await keysOf(db, { reverse: true, limit: 2 })).toEqual(['01', '00'])
  await db.close()
})

test('a selection is what it was when the call was made', async () => {
  const db = await filled([bytes(1), bytes(2)])
  const from = bytes(2)
  const range = db.range({ from, as: 'bytes' })
  from[0] = 1
  const found = []
  for await (const { key } of range) found.push(key)
  expect(found).toEqual([bytes(2)])
  await db.close()
})

test('random selections match a filter', async () => {
  const seed = freshSeed()
  const random = new Random(seed)
  const key = () => Uint8Array.from({ length: 1 + random.below(3) }, () => random.pick([0, 1, 0x61, 0xfe, 0xff]))
  const db = await filled(Array.from({ length: 60 }, key))
  const all = await keysOf(db, {})
  expect(all).toEqual([...all].sort())
  for (let i = 0; i < 200; i++) {
    const [a, b] = [key(), key()].sort(Buffer.compare) as [Uint8Array, Uint8Array]
    const selection = random.pick<Selection>([{ prefix: a }, { from: a }, { to: b }, { from: a, to: b }])
    const inside = all.filter((candidate) => {
      const [low, high] = [a, b].map((bound) => Buffer.from(bound).toString('hex')) as [string, string]
      if (selection.prefix !== undefined) return candidate.startsWith(low)
      return (selection.from === undefined || candidate >= low) && (selection.to === undefined || candidate < high)
    })
    const reverse = random.below(2) === 0
    expect(await keysOf(db, { ...selection, reverse }), `RAFTERDB_SEED=${seed}`).toEqual(reverse ? inside.reverse() : inside)
    expect(await db.count(selection)).toBe(inside.length)
  }
  await db.close()
})
