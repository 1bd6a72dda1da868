// A data directory with something in every kind of file, made once: to be copied, damaged and opened again.
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenOptions } from 'rafterdb'
import { Child } from './child.js'
import { type Ledger, readLedger } from './ledger.js'
import { type Lanes, plan } from './plan.js'

const MIB = 1 << 20

export const smallMember: Omit<OpenOptions, 'dataDir'> = { memory: 32 * MIB, requestTimeout: 60_000 }

export interface Template {
  dataDir: string
  lanes: Lanes
  ledger: Ledger
}

/**
 * Writes so much that log and history have several files and tables are there; then ends the process: `killed`, with entries
 * that only the log has, or `closed`. The last operations were made one by one: the last write to the log is one operation.
 */
export async function makeTemplate(
  path: string,
  seed: number,
  how: 'killed' | 'closed',
  more: Partial<OpenOptions> = {},
): Promise<Template> {
  mkdirSync(path)
  const dataDir = join(path, 'data')
  const lanes = { ...plan(seed, { lanes: 6, operations: 130, valueBytes: 40 << 10 }), last: lastLane() }
  const { last, ...first } = lanes
  const child = new Child()
  await child.ask('ledger', { path: join(path, 'ledger') })
  await child.open({ ...smallMember, ...more, dataDir })
  for (const part of [first, { last }]) {
    const failures = await child.run(part)
    if (failures.length > 0) throw new Error(`the template could not be written: ${JSON.stringify(failures)}`)
  }
  if (how === 'closed') await child.end()
  else await child.kill()
  return { dataDir, lanes, ledger: readLedger(join(path, 'ledger')) }
}

const LAST = 12

function lastLane(): Lanes[string] {
  return Array.from({ length: LAST }, (_, n) => ({
    type: 'put',
    key: `last/${n}`,
    value: { tag: `last.${n}|`, bytes: 20 << 10 },
  }))
}

/** The ledger without the acknowledgement of the very last operation: the one case that a disk cannot tell from a torn write. */
export function withoutLast(ledger: Ledger): Ledger {
  const lanes = new Map(ledger.lanes)
  const last = lanes.get('last')
  if (!last) throw new Error('the template has no last lane')
  const revisions = new Map(last.revisions)
  revisions.delete(LAST - 1)
  lanes.set('last', { ...last, revisions })
  return { ...ledger, lanes }
}

/** Files below a directory, largest first, that have something in them. */
export function filesIn(path: string): { path: string; bytes: number }[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: file, bytes: statSync(file).size }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes || a.path.localeCompare(b.path))
}

/** Segments of the log, oldest first; spares are none. */
export function logSegments(dataDir: string): string[] {
  const dir = join(dataDir, 'log')
  return readdirSync(dir)
    .filter((name) => name.endsWith('.wal'))
    .sort()
    .map((name) => join(dir, name))
}

export function historySegments(dataDir: string): string[] {
  return filesIn(dataDir)
    .map(({ path }) => path)
    .filter((path) => path.endsWith('.segment') && path.includes('history'))
    .sort()
}

/** Tables, largest first. */
export function tables(dataDir: string): string[] {
  return filesIn(dataDir)
    .map(({ path }) => path)
    .filter((path) => /[/\\]tables[/\\]tables[/\\]\d+$/.test(path))
}

/** Where the written part of a file ends: files of the log are filled with zeros. */
export function endOf(path: string): number {
  const bytes = readFileSync(path)
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}

export const moveAway = (path: string) => renameSync(path, `${path}.damaged`)
