// Goal: never a silently wrong answer. A bit flipped anywhere, in any file: either `open` or a read refuses with a code, or
// everything read, now and in the past, is what was written. The one ambiguous case: the last write to the log, which is then
// as good as torn, and only if the log line says that it was cut.
// RAFTERDB_FLIPS=n: so many flips (default 40). RAFTERDB_SEED: other places.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { check, checkAt, knownRevisions } from './check.js'
import { Child, type ChildError, endChildren } from './child.js'
import { copyDirectory, scratch } from './places.js'
import { random } from './plan.js'
import { endOf, filesIn, makeTemplate, smallMember, type Template, withoutLast } from './template.js'

const FLIPS = Number(process.env['RAFTERDB_FLIPS'] ?? 40)
const SEED = Number(process.env['RAFTERDB_SEED'] ?? 1)
const place = scratch('flips')
const dataDir = join(place.path, 'flipped')
const templates: Template[] = []
let child: Child

beforeAll(async () => {
  templates.push(await makeTemplate(join(place.path, 'killed'), SEED, 'killed'))
  templates.push(await makeTemplate(join(place.path, 'closed'), SEED, 'closed'))
  child = new Child()
}, 120_000)

afterAll(async () => {
  await endChildren()
  place.remove()
})

const REFUSALS = ['LOG_CORRUPT', 'LOG_SEGMENT_MISSING', 'STORE_CORRUPT', 'FORMAT_NEWER', 'DATA_DIR_MISMATCH']

/** Flips one bit; where. Half of the flips of a file hit its first KiB or its last: headers and footers. */
function flip(next: () => number): string {
  const files = filesIn(dataDir).filter(({ path }) => !path.includes('spare-'))
  const file = files[Math.floor(next() * files.length)]
  if (!file) throw new Error('nothing to damage')
  const bytes = readFileSync(file.path)
  const written = Math.max(1, endOf(file.path))
  const near = Math.min(1024, written)
  const kind = next()
  const from = kind < 0.25 ? 0 : kind < 0.5 ? written - near : -1
  const offset = from < 0 ? Math.floor(next() * written) : from + Math.floor(next() * near)
  const bit = Math.floor(next() * 8)
  bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << bit), offset)
  writeFileSync(file.path, bytes)
  return `${relative(dataDir, file.path)}, byte ${offset} of ${bytes.length}, bit ${bit}`
}

/** What was answered wrongly; refusals are right answers. */
async function wrongAnswers({ lanes, ledger }: Template): Promise<{ how: string; wrong: string[] }> {
  try {
    const { notes } = await child.open({ ...smallMember, dataDir })
    try {
      const cut = notes.some((note) => note.includes('was not finished'))
      const known = cut ? withoutLast(ledger) : ledger
      const wrong = check(lanes, known, await child.dump())
      const revisions = knownRevisions(lanes, ledger, 0)
      for (const at of [0.1, 0.5, 0.9]) {
        const revision = revisions[Math.floor(revisions.length * at)]
        if (revision !== undefined) wrong.push(...checkAt(lanes, ledger, revision, await child.dump({ revision })))
      }
      return { how: cut ? 'cut' : 'whole', wrong }
    } finally {
      await child.ask('close')
    }
  } catch (error) {
    const { message } = error as ChildError
    let { code } = error as ChildError
    // A compaction that met the damage before the read has stopped the member with it.
    if (code === 'POISONED') code = (await child.said()).fatals.at(-1)?.code ?? code
    return { how: code, wrong: REFUSALS.includes(code) ? [] : [`${code}: ${message}`] }
  }
}

test(`${FLIPS} flipped bits from seed ${SEED}: refused, or without effect`, { timeout: 60_000 + FLIPS * 5_000 }, async () => {
  const next = random(SEED)
  const counts: Record<string, number> = {}
  for (let n = 0; n < FLIPS; n++) {
    const template = templates[n % 2]
    if (!template) throw new Error('no template')
    copyDirectory(template.dataDir, dataDir)
    const where = flip(next)
    const { how, wrong } = await wrongAnswers(template)
    expect(wrong, `flip ${n} of seed ${SEED}: ${where}`).toEqual([])
    counts[how] = (counts[how] ?? 0) + 1
  }
  console.log(`seed ${SEED}: ${JSON.stringify(counts)}`)
  // A canary of the flips themselves: they do hit what matters.
  expect(Object.keys(counts).filter((how) => REFUSALS.includes(how)).length).toBeGreaterThan(1)
})
