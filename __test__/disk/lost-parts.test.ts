// Goal: a data directory is judged as a whole. Whatever is taken out of one, it opens with everything that was acknowledged, or
// is refused with what is missing and the way out, or all of it is gone and it is a new one, whose member asks before it votes.
// RAFTERDB_SEED: another plan.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type OpenOptions, open, RafterError } from 'rafterdb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { check, checkAt, knownRevisions } from './check.js'
import { Child, endChildren } from './child.js'
import { copyDirectory, scratch } from './places.js'
import { filesIn, makeTemplate, smallMember, type Template } from './template.js'

const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const MIB = 1 << 20
const place = scratch('lost-parts')
const dataDir = join(place.path, 'data')
/** Both have nothing in them that lasts. */
const HARMLESS = ['LOCK', 'snapshots']
const PARTS = ['member.json', 'log', 'groups', 'groups/0000', 'groups/0001']

afterAll(async () => {
  await endChildren()
  place.remove()
})

const subsets = <T>(of: T[]): T[][] =>
  Array.from({ length: 1 << of.length }, (_, bits) => of.filter((_, at) => (bits & (1 << at)) !== 0))

const remove = (dir: string, parts: string[]) => {
  for (const part of parts) rmSync(join(dir, part), { recursive: true, force: true })
}

const listing = (dir: string) => readdirSync(dir, { recursive: true }).map(String).sort()

/** Every group's mark, as it stands in the file. */
function marked(dir: string): number[] {
  return (JSON.parse(readFileSync(join(dir, 'member.json'), 'utf8')) as { recovering: number[] }).recovering
}

async function refusal(options: OpenOptions): Promise<RafterError | null> {
  try {
    await (await open(options)).close()
    return null
  } catch (error) {
    if (error instanceof RafterError) return error
    throw error
  }
}

async function members(): Promise<Record<string, string>> {
  const [a, b, c] = await freePorts(3)
  return { a: `127.0.0.1:${a}`, b: `127.0.0.1:${b}`, c: `127.0.0.1:${c}` }
}

const KINDS: [string, () => Promise<Partial<OpenOptions>>][] = [
  ['a single member', async () => ({})],
  ['one of three', async () => ({ name: 'a', members: await members() })],
]

test.for(KINDS)('every set of parts taken from the directory of %s', { timeout: 300_000 }, async ([kind, more]) => {
  const whole = join(place.path, `whole-${kind.replaceAll(' ', '-')}`)
  const options = { ...smallMember, groups: 2, ...(await more()) }
  const db = await open({ ...options, dataDir: whole })
  if (options.members === undefined) await db.put('acknowledged', 'kept')
  await db.close()
  const seen = { opened: 0, refused: 0, new: 0 }
  for (const taken of subsets([...PARTS, 'harmless'])) {
    copyDirectory(whole, dataDir)
    remove(
      dataDir,
      taken.flatMap((part) => (part === 'harmless' ? HARMLESS : [part])),
    )
    const isTaken = (part: string) => taken.includes(part) || (part.startsWith('groups/') && taken.includes('groups'))
    const missing = PARTS.filter(isTaken)
    const label = `without ${taken.join(', ') || 'anything'}`
    const before = listing(dataDir).filter((name) => name !== 'LOCK')
    // An empty folder of the stores is one more thing that nobody can tell the owner of.
    const isNew = ['member.json', 'log', 'groups'].every(isTaken)
    if (missing.length === 0) {
      expect(await refusal({ ...options, dataDir }), label).toBeNull()
      seen.opened++
    } else if (isNew) {
      expect(await refusal({ ...options, dataDir }), label).toBeNull()
      expect(marked(dataDir), label).toEqual(options.members === undefined ? [] : [0, 1])
      seen.new++
    } else {
      const error = await refusal({ ...options, dataDir })
      expect(error?.code, label).toBe('DATA_DIR_INCOMPLETE')
      const named = missing.includes('member.json') ? 'member.json' : (missing[0] as string)
      expect(error?.message, label).toContain(join(dataDir, named))
      expect(error?.message, label).toMatch(/Nothing was changed.*(move its data directory away|copy of the whole directory)/)
      expect(
        listing(dataDir).filter((name) => name !== 'LOCK'),
        label,
      ).toEqual(before)
      seen.refused++
    }
    rmSync(dataDir, { recursive: true })
  }
  expect(seen.opened).toBe(2)
  expect(seen.new).toBeGreaterThan(0)
  expect(seen.refused).toBeGreaterThan(40)
})

let template: Template
let child: Child
beforeAll(async () => {
  template = await makeTemplate(join(place.path, 'template'), SEED, 'killed')
  child = new Child()
}, 120_000)

test('every single file taken from the directory', { timeout: 300_000 }, async () => {
  const files = filesIn(template.dataDir).map(({ path }) => path.slice(template.dataDir.length + 1))
  expect(files.length).toBeGreaterThan(10)
  const refused: string[] = []
  for (const file of [...files, 'LOCK']) {
    copyDirectory(template.dataDir, dataDir)
    rmSync(join(dataDir, file))
    const outcome = await child.open({ ...smallMember, dataDir }).then(
      () => 'opened',
      (error: { code: string }) => error.code,
    )
    if (outcome === 'opened') {
      // It held nothing, or what the log still holds.
      const { lanes, ledger } = template
      expect(check(lanes, ledger, await child.dump()), file).toEqual([])
      for (const revision of knownRevisions(lanes, ledger, 0).filter((_, n) => n % 100 === 0)) {
        expect(checkAt(lanes, ledger, revision, await child.dump({ revision })), `${file} at ${revision}`).toEqual([])
      }
      await child.ask('close')
    } else {
      expect(['DATA_DIR_INCOMPLETE', 'LOG_SEGMENT_MISSING', 'STORE_CORRUPT', 'LOG_CORRUPT'], file).toContain(outcome)
      refused.push(file)
    }
    rmSync(dataDir, { recursive: true })
  }
  for (const part of ['member.json', 'CURRENT', '.wal', '.segment', 'tables']) {
    expect(
      refused.some((file) => file.includes(part)),
      part,
    ).toBe(true)
  }
})

test('a mark that is taken out of member.json is missed, unless whoever does it says so', async () => {
  const options = { memory: 32 * MIB, name: 'a', members: await members(), dataDir }
  await (await open(options)).close()
  const path = join(dataDir, 'member.json')
  const text = readFileSync(path, 'utf8')
  expect(marked(dataDir)).toEqual([0])
  const unmarked = { ...(JSON.parse(text) as object), recovering: [] }
  writeFileSync(path, JSON.stringify(unmarked))
  const error = await refusal(options)
  expect(error).toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringMatching(/checksum/) })
  writeFileSync(path, JSON.stringify({ ...unmarked, checksum: undefined }))
  expect(await refusal(options)).toBeNull()
  expect(marked(dataDir)).toEqual([])
  rmSync(dataDir, { recursive: true })
})
