// Goal: damage that is known by its kind. What can be recovered safely is, and the log line says so; anything else is refused
// with a code, the file, the place in it and the way out. RAFTERDB_SEED: another plan.
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { check } from './check.js'
import { Child, type ChildError, endChildren } from './child.js'
import type { Ledger } from './ledger.js'
import { copyDirectory, scratch } from './places.js'
import { endOf, historySegments, logSegments, makeTemplate, smallMember, type Template, tables, withoutLast } from './template.js'

const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const place = scratch('damage')
const dataDir = join(place.path, 'damaged')
let killed: Template
let closed: Template
/** Its log no longer goes back to the first entry. */
let cut: Template
let child: Child

beforeAll(async () => {
  killed = await makeTemplate(join(place.path, 'killed'), SEED, 'killed')
  closed = await makeTemplate(join(place.path, 'closed'), SEED, 'closed')
  cut = await makeTemplate(join(place.path, 'cut'), SEED, 'closed', { logRetainBytes: 0 })
  child = new Child()
}, 120_000)

afterAll(async () => {
  await endChildren()
  place.remove()
})

/** A copy of a template to be damaged. */
function prepare(template: Template): string {
  copyDirectory(template.dataDir, dataDir)
  return dataDir
}

/** Flips a bit at `from` or after it, within what was written: between batches the log is padded with zeros. */
function flip(path: string, from: number): void {
  const bytes = readFileSync(path)
  let offset = from
  while (bytes.subarray(offset, offset + 64).includes(0)) offset++
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x10, offset)
  writeFileSync(path, bytes)
}

async function refusal(work: () => Promise<unknown>): Promise<ChildError> {
  return work().then(
    () => {
      throw new Error('it was not refused')
    },
    (error: ChildError) => error,
  )
}

/** `open` refuses, and the message says where and what to do. */
async function expectRefused(code: string, file: string): Promise<void> {
  const error = await refusal(() => child.open({ ...smallMember, dataDir }))
  expect(error.code, error.message).toBe(code)
  expect(error.message).toContain(basename(file))
  expect(error.message).toMatch(/data directory/)
}

/** `open` succeeds, and what is there is what was written. */
async function expectWhole(template: Template, ledger: Ledger = template.ledger): Promise<string[]> {
  const { notes } = await child.open({ ...smallMember, dataDir })
  const pairs = await child.dump()
  await child.ask('close')
  expect(check(template.lanes, ledger, pairs), `seed ${SEED}`).toEqual([])
  return notes
}

const last = (paths: string[]) => paths.at(-1) ?? ''

test('the templates have several files of every kind, and are whole', async () => {
  for (const template of [killed, closed]) {
    prepare(template)
    expect(logSegments(dataDir).length).toBeGreaterThan(1)
    expect(historySegments(dataDir).length).toBeGreaterThan(1)
    expect(tables(dataDir).length).toBeGreaterThan(0)
    await expectWhole(template)
  }
})

test('a torn last record is cut, and the log line says so', async () => {
  prepare(killed)
  const segment = last(logSegments(dataDir))
  const end = endOf(segment)
  const bytes = readFileSync(segment)
  writeFileSync(segment, bytes.fill(0, end - 6000, end))
  const notes = await expectWhole(killed, withoutLast(killed.ledger))
  expect(notes.join('\n')).toMatch(/cut \d+ bytes at byte \d+ of/)
})

test('a flipped bit in the middle of the log is refused with the place', async () => {
  prepare(killed)
  const segment = last(logSegments(dataDir))
  flip(segment, Math.floor(endOf(segment) / 2))
  await expectRefused('LOG_CORRUPT', segment)
  expect((await refusal(() => child.open({ ...smallMember, dataDir }))).message).toMatch(/at byte \d+/)
})

test('a flipped bit in an older log segment is refused', async () => {
  prepare(killed)
  const [segment = ''] = logSegments(dataDir)
  flip(segment, Math.floor(endOf(segment) / 2))
  await expectRefused('LOG_CORRUPT', segment)
})

test('a missing last log segment is refused', async () => {
  prepare(killed)
  const segment = last(logSegments(dataDir))
  rmSync(segment)
  await expectRefused('LOG_SEGMENT_MISSING', segment)
})

test('a missing first log segment is refused', async () => {
  prepare(killed)
  const [segment = ''] = logSegments(dataDir)
  rmSync(segment)
  const error = await refusal(() => child.open({ ...smallMember, dataDir }))
  expect(error.code, error.message).toBe('LOG_SEGMENT_MISSING')
})

test('a log segment cut off in its middle is refused', async () => {
  prepare(killed)
  const [segment = ''] = logSegments(dataDir)
  truncateSync(segment, Math.floor(endOf(segment) / 2))
  await expectRefused('LOG_CORRUPT', segment)
})

test('a missing log beside a store is refused: it had the newest writes', async () => {
  for (const template of [killed, closed]) {
    prepare(template)
    rmSync(join(dataDir, 'log'), { recursive: true })
    await expectRefused('DATA_DIR_INCOMPLETE', 'log')
  }
})

test('a missing store is refused, whatever its log could tell: it may have come with a snapshot', async () => {
  for (const template of [closed, cut]) {
    prepare(template)
    rmSync(join(dataDir, 'groups'), { recursive: true })
    await expectRefused('DATA_DIR_INCOMPLETE', 'groups')
  }
})

/** The damage is met at the latest when everything is read. */
async function expectReadRefused(file: string, revision?: number): Promise<void> {
  const error = await refusal(async () => {
    await child.open({ ...smallMember, dataDir })
    try {
      await child.dump(revision === undefined ? {} : { revision })
    } finally {
      await child.ask('close').catch(() => null)
    }
  })
  // Where a compaction met it first, the member has stopped with it.
  expect(['STORE_CORRUPT', 'POISONED'], error.message).toContain(error.code)
  expect(error.message).toContain(basename(file))
  expect(error.message).toMatch(/data directory/)
}

test('a flipped bit among the rows of a table is refused', async () => {
  prepare(closed)
  const [table = ''] = tables(dataDir)
  flip(table, 64)
  await expectReadRefused(table)
})

test('a flipped bit anywhere in a table is refused, or in what nobody asks for: a value that was replaced', async () => {
  let refused = 0
  prepare(closed)
  for (const name of tables(dataDir).map((table) => basename(table))) {
    for (const share of [0.1, 0.3, 0.5, 0.7, 0.9]) {
      prepare(closed)
      const table = tables(dataDir).find((table) => basename(table) === name) ?? ''
      flip(table, Math.floor(endOf(table) * share))
      const read = await expectWhole(closed).catch((error: ChildError) => error)
      if (!(read instanceof Error)) continue
      await child.ask('close').catch(() => null)
      expect(['STORE_CORRUPT', 'POISONED'], read.message).toContain((read as ChildError).code)
      expect(read.message).toContain(name)
      refused++
    }
  }
  expect(refused).toBeGreaterThan(0)
})

test('a missing table is refused', async () => {
  prepare(closed)
  const [table = ''] = tables(dataDir)
  rmSync(table)
  // The library that has the tables says of one that cannot be opened only where it belongs.
  await expectReadRefused(dirname(table))
})

test('a table cut off in its middle is refused', async () => {
  prepare(closed)
  const [table = ''] = tables(dataDir)
  truncateSync(table, Math.floor(endOf(table) / 2))
  // The library that has the tables says of one that cannot be opened only where it belongs.
  await expectReadRefused(dirname(table))
})

test('a flipped bit in history refuses the reads that need it', async () => {
  prepare(closed)
  const [segment = ''] = historySegments(dataDir)
  // Each record is of about 30 KiB: this one is met on the way back to an early revision.
  flip(segment, Math.floor(endOf(segment) / 2))
  const middle = 2 + Math.floor((4 << 20) / (30 << 10) / 4)
  await expectReadRefused(segment, middle)
})

test('a flipped bit in the last history segment is refused', async () => {
  prepare(closed)
  const segment = last(historySegments(dataDir))
  flip(segment, Math.floor(endOf(segment) / 2))
  await expectReadRefused(segment)
})

test('a missing history file is refused', async () => {
  for (const at of [0, -1]) {
    prepare(closed)
    const segment = historySegments(dataDir).at(at) ?? ''
    rmSync(segment)
    await expectReadRefused(segment)
  }
})

test('a history file cut off in its middle is refused', async () => {
  for (const at of [0, -1]) {
    prepare(closed)
    const segment = historySegments(dataDir).at(at) ?? ''
    truncateSync(segment, Math.floor(endOf(segment) / 2))
    await expectReadRefused(segment)
  }
})

test('garbage instead of the identity is refused', async () => {
  for (const garbage of ['', 'garbage', '{"format":1}', '\0'.repeat(90)]) {
    prepare(closed)
    const path = join(dataDir, 'member.json')
    writeFileSync(path, garbage)
    await expectRefused('STORE_CORRUPT', path)
  }
})

test('an identity that is missing beside data is not made anew', async () => {
  prepare(closed)
  const path = join(dataDir, 'member.json')
  rmSync(path)
  await expectRefused('DATA_DIR_INCOMPLETE', path)
})
