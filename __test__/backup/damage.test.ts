// What is wrong with a backup is found, and told apart: a flipped bit, a missing byte, a file that was cut short, a wrong key, a missing link.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Backup, open, type RafterError, restoreBackup, verifyBackup } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { embedded, holding, scratch } from './sources.js'

const { dir, remove } = scratch('backup-damage')
const key = Buffer.alloc(32, 9)
const kinds = ['plain', 'sealed'] as const
const keyOf = (kind: string) => (kind === 'sealed' ? { key } : {})
const made: Record<string, Backup[]> = {}

beforeAll(async () => {
  const db = await embedded(dir, 'source')
  for (const kind of kinds) {
    made[kind] = []
    for (let i = 0; i < 3; i++) {
      await Promise.all(Array.from({ length: 20 }, (_, n) => db.put(`${kind}/${n}`, `value ${i} ${n}`)))
      made[kind]!.push(await db.backup(join(dir, kind), keyOf(kind)))
    }
  }
  await db.close()
})
afterAll(remove)

const pathOf = (kind: string, i: number) => join(dir, kind, made[kind]![i]!.name as string)

/** The code with which the bytes are refused as the file of a full backup; `whole` if they are not. */
async function judged(bytes: Uint8Array, kind: string): Promise<string> {
  return verifyBackup(holding(bytes), keyOf(kind)).then(
    () => 'whole',
    (error: RafterError) => error.code,
  )
}

test.each(kinds)('a flipped bit anywhere in a %s backup is damage', async (kind) => {
  const bytes = readFileSync(pathOf(kind, 0))
  expect(await judged(bytes, kind)).toBe('whole')
  const codes = new Map<string, number[]>()
  for (let at = 0; at < bytes.length; at += kind === 'plain' ? 1 : 3) {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 1 << (at % 8)
    const code = await judged(damaged, kind)
    codes.set(code, [...(codes.get(code) ?? []), at])
  }
  // The end is looked for first, and a header that is damaged there looks like one that is not there.
  const others = [...codes.keys()].filter((code) => code !== 'BACKUP_DAMAGED' && code !== 'BACKUP_TRUNCATED')
  expect(others).toEqual([])
  const untold = codes.get('BACKUP_TRUNCATED') ?? []
  expect(untold.length).toBeLessThanOrEqual(28)
  expect(untold.every((at) => at >= bytes.length - 84)).toBe(true)
})

test.each(kinds)('a %s backup that was cut short anywhere is told to be', async (kind) => {
  const bytes = readFileSync(pathOf(kind, 0))
  for (let length = 0; length < bytes.length; length += kind === 'plain' ? 1 : 3)
    expect([length, await judged(bytes.subarray(0, length), kind)]).toEqual([length, 'BACKUP_TRUNCATED'])
})

test.each(kinds)('a byte that is missing from, or behind, a %s backup is found', async (kind) => {
  const bytes = readFileSync(pathOf(kind, 0))
  for (let at = 0; at < bytes.length; at += 7) {
    expect(await judged(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]), kind)).toMatch(
      /BACKUP_(DAMAGED|TRUNCATED)/,
    )
  }
  expect(await judged(Buffer.concat([bytes, Buffer.alloc(1)]), kind)).toMatch(/BACKUP_(DAMAGED|TRUNCATED)/)
  expect(await judged(Buffer.concat([bytes, bytes]), kind)).toBe('BACKUP_DAMAGED')
})

test('a wrong key, and none, are told from damage', async () => {
  const from = join(dir, 'sealed')
  await expect(verifyBackup(from, { key: Buffer.alloc(32, 8) })).rejects.toMatchObject({ code: 'BACKUP_KEY_WRONG' })
  await expect(verifyBackup(from)).rejects.toMatchObject({ code: 'BACKUP_KEY_WRONG' })
  await expect(verifyBackup(from, { key: Buffer.alloc(16) })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(readFileSync(pathOf('sealed', 0)).includes('sealed/')).toBe(false)
  expect((await verifyBackup(from, { key })).length).toBe(3)
})

test('a frame of another backup, sound in itself, is damage', async () => {
  const cut = (bytes: Buffer) => {
    const header = 8 + 28 + bytes.readUInt32LE(8 + 8)
    const frame = header + 28 + bytes.readUInt32LE(header + 8)
    return [bytes.subarray(0, header), bytes.subarray(header, frame), bytes.subarray(frame)] as const
  }
  const [own, other] = [cut(readFileSync(pathOf('plain', 1))), cut(readFileSync(pathOf('plain', 2)))]
  expect(await judged(Buffer.concat(own), 'plain')).toBe('whole')
  expect(await judged(Buffer.concat([own[0], other[1], own[2]]), 'plain')).toBe('BACKUP_DAMAGED')
  expect(await judged(Buffer.concat([own[0], own[1], other[2]]), 'plain')).toBe('BACKUP_TRUNCATED')
})

test('every fault names the file that it is in', async () => {
  const place = join(dir, 'named')
  cpSync(join(dir, 'plain'), place, { recursive: true })
  const name = made['plain']![1]!.name as string
  const bytes = readFileSync(join(place, name))
  const damaged = Buffer.from(bytes)
  damaged[200]! ^= 1
  for (const [wrong, code] of [
    [damaged, 'BACKUP_DAMAGED'],
    [bytes.subarray(0, 250), 'BACKUP_TRUNCATED'],
    [Buffer.alloc(0), 'BACKUP_TRUNCATED'],
    [readFileSync(pathOf('sealed', 1)), 'BACKUP_KEY_WRONG'],
  ] as const) {
    writeFileSync(join(place, name), wrong)
    const refused = { code, message: expect.stringContaining(name) }
    await expect(verifyBackup(place)).rejects.toMatchObject(refused)
    const dataDir = join(dir, 'named-restored')
    await expect(restoreBackup(place, { dataDir })).rejects.toMatchObject(refused)
    expect(existsSync(dataDir) ? readdirSync(dataDir) : []).toEqual([])
  }
})

test('pieces of two chains make none, though each is whole', async () => {
  const db = await embedded(dir, 'other-source')
  for (let i = 0; i < 3; i++) {
    await db.put(`other/${i}`, 'value')
    await db.backup(join(dir, 'other'))
  }
  await db.close()
  const names = (of: string) => readdirSync(join(dir, of)).filter((name) => name.startsWith('incremental'))
  const mixed = join(dir, 'mixed')
  // The full one of the first chain, and what continues that of the second.
  cpSync(pathOf('plain', 0), join(mixed, 'full.backup'))
  for (const name of names('other')) cpSync(join(dir, 'other', name), join(mixed, name))
  const refused = {
    code: 'BACKUP_CHAIN_BROKEN',
    message: expect.stringMatching(/incremental-[0-9a-f]+\.backup continues a backup that is not there/),
  }
  await expect(verifyBackup(mixed)).rejects.toMatchObject(refused)
  await expect(restoreBackup(mixed, { dataDir: join(dir, 'mixed-restored') })).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
  // Two whole chains of two clusters in one place: each continues its own, and which one is meant nobody can know.
  const both = join(dir, 'other')
  for (const name of readdirSync(join(dir, 'plain'))) cpSync(join(dir, 'plain', name), join(both, name))
  expect(await verifyBackup(both)).toHaveLength(6)
  await expect(restoreBackup(both, { dataDir: join(dir, 'both') })).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
  const source = await open({ dataDir: join(dir, 'other-source'), log: 'off' })
  await source.put('more', 'revisions')
  await expect(source.backup(both)).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
  await source.close()
})

test('a chain with a link missing is broken, for whoever verifies and whoever restores', async () => {
  const names = readdirSync(join(dir, 'plain'))
  expect(names.length).toBe(3)
  rmSync(pathOf('plain', 1))
  await expect(verifyBackup(join(dir, 'plain'))).rejects.toMatchObject({ code: 'BACKUP_CHAIN_BROKEN' })
  const dataDir = join(dir, 'broken')
  await expect(restoreBackup(join(dir, 'plain'), { dataDir })).rejects.toMatchObject({ code: 'BACKUP_CHAIN_BROKEN' })
  const { revision } = made['plain']![2]!
  await expect(restoreBackup(join(dir, 'plain'), { dataDir, revision })).rejects.toMatchObject({ code: 'BACKUP_CHAIN_BROKEN' })
  // What comes before the gap is still there.
  expect(await restoreBackup(join(dir, 'plain'), { dataDir, revision: made['plain']![0]!.revision })).toMatchObject({ pairs: 20 })
  rmSync(pathOf('plain', 0))
  await expect(restoreBackup(join(dir, 'plain'), { dataDir: join(dir, 'none') })).rejects.toMatchObject({
    code: 'BACKUP_CHAIN_BROKEN',
  })
})
