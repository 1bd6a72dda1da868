// Goal: a process that dies at any fault point of a store of one member loses nothing that was acknowledged, and what is
// found afterwards is what was written: latest state and history.
// RAFTERDB_CRASH_HITS=n: each point at its first n hits (default 1). RAFTERDB_SEED: another plan.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenOptions } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Child, endChildren } from './child.js'
import { acknowledgedOf, readLedger } from './ledger.js'
import { copyDirectory, scratch } from './places.js'
import { plan } from './plan.js'
import {
  allPoints,
  isOfBackups,
  isOfBeginningAnew,
  isOfFirstSegments,
  isOfFounding,
  isOfMembers,
  isOfReads,
  isOfRecovery,
  isOfRestores,
  isOfSnapshots,
  isOfThreads,
} from './points.js'
import { Verifier } from './recover.js'

const HITS = Number(process.env['RAFTERDB_CRASH_HITS'] ?? 1)
const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const MIB = 1 << 20

/** Lanes side by side; each operation of about 32 KiB, so that memtables, segments and history all turn over in seconds. */
const FIRST = 40
const LANES = plan(SEED, { lanes: 8, operations: 190, valueBytes: 48 << 10, compacts: true })
const small: Omit<OpenOptions, 'dataDir'> = { memory: 32 * MIB, logRetainBytes: 0, requestTimeout: 60_000 }
/** Its log segments have another size, so that it deletes those of a smaller member instead of using them again. */
const large = { ...small, memory: 128 * MIB }
const optionsAt = (point: string) => (point === 'wal.segment.unlink' ? large : small)

/** Those have tests of their own, or change nothing on disk. */
const OTHERS = [isOfSnapshots, isOfRecovery, isOfBackups, isOfRestores, isOfBeginningAnew, isOfMembers, isOfReads, isOfThreads]
const points = allPoints().filter((point) => !OTHERS.some((isOne) => isOne(point)))
const place = scratch('crash-points')
const verifier = new Verifier()

/** A member that wrote the first operations and was killed. */
beforeAll(async () => {
  const child = new Child()
  mkdirSync(join(place.path, 'killed'))
  await child.ask('ledger', { path: join(place.path, 'killed', 'ledger') })
  await child.open({ ...small, dataDir: join(place.path, 'killed', 'data') })
  const first = Object.fromEntries(Object.entries(LANES).map(([lane, operations]) => [lane, operations.slice(0, FIRST)]))
  expect(await child.run(first)).toEqual([])
  await child.kill()
})

afterAll(async () => {
  await verifier.end()
  await endChildren()
  place.remove()
})

/** Opens, writes on and closes with the point armed; resolves to how the process ended. */
async function writeWithFault(faults: string, options: OpenOptions, ledger: string, first: number): Promise<string> {
  const child = new Child(faults)
  const work = async () => {
    await child.ask('ledger', { path: ledger })
    await child.open(options)
    expect(await child.run(LANES, first)).toEqual([])
    await child.end()
  }
  const failed = await work().then(
    () => null,
    (error: Error & { code?: string }) => error,
  )
  if (failed && failed.code !== 'DIED') throw failed
  return child.gone
}

const hitsOf = (point: string) => (isOfFounding(point) ? 2 : Math.max(HITS, isOfFirstSegments(point) ? 2 : 1))
const cases = points.flatMap((point) => Array.from({ length: hitsOf(point) }, (_, n) => [point, n + 1] as const))

test.for(cases)('%s, hit %i', { concurrent: false }, async ([point, hit], { expect }) => {
  const directory = join(place.path, `${point}-${hit}`)
  const [dataDir, ledger] = [join(directory, 'data'), join(directory, 'ledger')]
  const isFirstStart = isOfFounding(point) || isOfFirstSegments(point)
  if (isFirstStart) mkdirSync(directory)
  else copyDirectory(join(place.path, 'killed'), directory)
  const before = acknowledgedOf(readLedger(ledger))
  const ended = await writeWithFault(`${point}=abort@${hit}`, { ...optionsAt(point), dataDir }, ledger, isFirstStart ? 0 : FIRST)
  // Later hits of a point that is reached once a start are another matter.
  if (hit === 1) expect(ended, `${point} was not reached`).toBe('SIGABRT')
  expect(await verifier.complaints({ ...small, dataDir }, LANES, ledger), `seed ${SEED}, ${before} operations before`).toEqual([])
  rmSync(directory, { recursive: true })
})
