// A backup that comes as a stream of bytes is verified and restored as it comes: from standard input, or from whatever an app reads.
import { spawn } from 'node:child_process'
import { createReadStream, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Backup, type BackupProgress, type Database, open, restoreBackup, verifyBackup } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rafterdb } from '../cluster/command.js'
import { CLI, Cluster } from '../cluster/harness.js'
import { shell } from '../server/shell.js'
import { embedded, type Row, rows, scratch } from './sources.js'

const { dir, remove } = scratch('backup-stream')
const fullFile = join(dir, 'full.backup')
const laterFile = join(dir, 'later.backup')
let [full, later] = [{} as Backup, {} as Backup]
let wanted: Row[] = []

const intoFile = (file: string) => async (chunks: AsyncIterable<Uint8Array>) => {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  writeFileSync(file, Buffer.concat(parts))
}

beforeAll(async () => {
  const db = await embedded(dir, 'source')
  for (let i = 0; i < 200; i++) await db.put(`key/${i}`, Buffer.alloc(20_000, `value ${i}`))
  full = await db.backup(intoFile(fullFile))
  wanted = await rows(db)
  await db.put('later', 'too')
  later = await db.backup(intoFile(laterFile), { since: full })
  await db.close()
})
afterAll(remove)

async function rowsOf(dataDir: string): Promise<Row[]> {
  const db: Database = await open({ dataDir, log: 'off' })
  const found = await rows(db)
  await db.close()
  return found
}

/** Some bytes a time, and whether whoever reads them has said that it reads no more. */
function inPieces(bytes: Uint8Array, size: number) {
  const reading = { isOver: false }
  const chunks = (async function* () {
    try {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    } finally {
      reading.isOver = true
    }
  })()
  return { chunks, reading }
}

test('a stream is restored as its file is, in pieces of any size', async () => {
  const bytes = readFileSync(fullFile)
  for (const size of [bytes.length, 4_096, 7]) {
    const dataDir = join(dir, `pieces-${size}`)
    const { chunks, reading } = inPieces(bytes, size)
    expect(await restoreBackup(chunks, { dataDir })).toMatchObject({ restoredRevision: full.revision, pairs: 200, changes: 0 })
    expect(reading.isOver).toBe(true)
    expect(await rowsOf(dataDir)).toEqual(wanted)
  }
})

test('a stream is verified as its file is, whether it is a full backup or continues one', async () => {
  for (const [file, made] of [
    [fullFile, full],
    [laterFile, later],
  ] as const) {
    const [verified] = await verifyBackup(createReadStream(file))
    expect(verified).toEqual({ ...made, name: 'the stream' })
  }
})

test('a stream that is no full backup, or is of another time, is refused, and read no further', async () => {
  const refused = async (bytes: Uint8Array, options: { revision?: number; time?: number }, code: string) => {
    const { chunks, reading } = inPieces(bytes, 1_000)
    const dataDir = join(dir, 'refused')
    await expect(restoreBackup(chunks, { dataDir, ...options })).rejects.toMatchObject({ code })
    expect(reading.isOver).toBe(true)
    expect(existsSync(dataDir)).toBe(false)
  }
  await refused(readFileSync(laterFile), {}, 'BACKUP_CHAIN_BROKEN')
  await refused(readFileSync(fullFile), { revision: full.revision + 1 }, 'FUTURE_REVISION')
  await refused(readFileSync(fullFile), { revision: full.revision - 1 }, 'COMPACTED')
  await refused(readFileSync(fullFile), { time: full.at - 1 }, 'COMPACTED')
  await refused(Buffer.from('no backup at all'), {}, 'BACKUP_DAMAGED')
})

test('a stream that ends early, or is damaged, leaves nothing', async () => {
  const bytes = readFileSync(fullFile)
  const damaged = Buffer.from(bytes)
  damaged[bytes.length >> 1]! ^= 1
  for (const [made, code] of [
    [bytes.subarray(0, bytes.length - 1), 'BACKUP_TRUNCATED'],
    [bytes.subarray(0, 100_000 % bytes.length), 'BACKUP_TRUNCATED'],
    [damaged, 'BACKUP_DAMAGED'],
    [Buffer.concat([bytes, bytes]), 'BACKUP_DAMAGED'],
  ] as const) {
    const dataDir = join(dir, 'early')
    const { chunks, reading } = inPieces(made, 1_000)
    await expect(restoreBackup(chunks, { dataDir })).rejects.toMatchObject({ code })
    expect(reading.isOver).toBe(true)
    expect(readdirSync(dataDir)).toEqual([])
  }
})

test('progress tells the share of what there is, where that is known', async () => {
  const told: BackupProgress[] = []
  const onProgress = (progress: BackupProgress) => told.push({ ...progress })
  await restoreBackup([fullFile, laterFile], { dataDir: join(dir, 'told'), onProgress })
  const fractions = told.map(({ fraction }) => fraction as number)
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
  expect(fractions[0]).toBeGreaterThan(0)
  expect(fractions.at(-1)).toBe(1)
  told.length = 0
  await verifyBackup(createReadStream(fullFile), { onProgress })
  expect(told.at(-1)).toEqual({ pairs: 200, changes: 0, bytes: full.bytes, fraction: undefined })
})

/** Two commands with a pipe between; resolves to how each ended, and what the second printed. */
async function piped(first: string[], second: string[]) {
  const from = spawn(process.execPath, [CLI, ...first], { stdio: ['ignore', 'pipe', 'pipe'] })
  const to = spawn(process.execPath, [CLI, ...second], { stdio: ['pipe', 'pipe', 'pipe'] })
  to.stdin.on('error', () => {})
  from.stdout.pipe(to.stdin)
  const text = { from: '', out: '', err: '' }
  from.stderr.on('data', (chunk: Buffer) => (text.from += chunk))
  to.stdout.on('data', (chunk: Buffer) => (text.out += chunk))
  to.stderr.on('data', (chunk: Buffer) => (text.err += chunk))
  const gone = [from, to].map((child) => new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code))))
  return { text, codes: await Promise.all(gone) }
}

test('a backup is piped from one command into another, and what the pipe has of one that fails is refused', async () => {
  await using cluster = await Cluster.start({ kinds: ['serve'] })
  const db = await cluster.client()
  for (let i = 0; i < 100; i++) await db.put(`key/${i}`, Buffer.alloc(10_000, i))
  const endpoints = ['--endpoints', cluster.endpoints.join()]
  const dataDir = join(dir, 'piped')
  const { codes, text } = await piped(['backup', '-', ...endpoints], ['restore', '-', '--data-dir', dataDir])
  expect([codes, text.err]).toEqual([[0, 0], ''])
  expect(text.from).toMatch(/^full backup to revision \d+: 100 keys/)
  expect(text.out).toMatch(/100 keys and 0 changes read/)
  expect(await rowsOf(dataDir)).toEqual(await rows(db))
  expect(await piped(['backup', '--out', '-', ...endpoints], ['verify', '-'])).toMatchObject({ codes: [0, 0] })

  const failed = await piped(['backup', '-', '--endpoints', '127.0.0.1:1'], ['restore', '-', '--data-dir', join(dir, 'none')])
  expect(failed.codes).toEqual([3, 1])
  expect(failed.text.err).toMatch(/^rafterdb: the stream ends before its end.* \(BACKUP_TRUNCATED\)\n$/)
})

test('a restore that fails does not wait for the rest of what it is given', async () => {
  // Nobody ever ends this pipe.
  const child = spawn(process.execPath, [CLI, 'restore', '-', '--data-dir', join(dir, 'endless')], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.stdin.on('error', () => {})
  child.stdin.write(Buffer.alloc(1_000))
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(1)
})

test('what makes no sense on a command line is said', async () => {
  const refusals: [string[], RegExp][] = [
    [['restore', '-', fullFile, '--data-dir', 'x'], /standard input \(-\) has one backup, and stands alone/],
    [['backup', '-', '--follow'], /--follow takes a directory/],
    [['backup', 'x', '--since', fullFile], /--since goes with --out/],
    [['backup', 'x', '--interval', '1s'], /--interval goes with --follow/],
    [['backup', 'x', '--out', 'y'], /a directory or --out/],
    [['backup', 'x', '--folow'], /unknown option '--folow' \(Did you mean --follow\?\)/],
    [['restor', 'x'], /unknown command 'restor' \(Did you mean restore\?\)/],
    [['restore', 'x'], /required option '--data-dir <dir>' not specified/],
    [['restore', 'x', '--data-dir', 'y', '--time', 'yesterday'], /It must be a time such as 2026/],
    [['restore', '--data-dir', 'y'], /missing required argument 'paths'/],
  ]
  for (const [args, text] of refusals) {
    const { code, err } = await shell(args)
    expect([args, code, err]).toEqual([args, 2, expect.stringMatching(text)])
  }
  const terminal = await shell(['backup', '-'], { terminal: true })
  expect(terminal).toMatchObject({ code: 2, err: expect.stringMatching(/standard output is a terminal/) })
  const nowhere = join(dir, 'nowhere')
  expect(await rafterdb(['verify', nowhere])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/cannot read .*nowhere.* \(IO\)/),
  })
  expect(await rafterdb(['verify', dir])).toMatchObject({ code: 0 })
})
