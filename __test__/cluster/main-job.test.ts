// The main job: a list of packages goes into three members by the command line, a part of it is listed, and what comes out
// is what went in. The whole list of Debian's packages if it lies beside the project, the sample of it otherwise.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { CLI, Cluster } from './harness.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const WHOLE = join(ROOT, '..', 'shared', 'data', 'debian-packages.ndjson.gz')
const INPUT = existsSync(WHOLE) ? WHOLE : join(ROOT, 'examples', 'data', 'debian-sample.ndjson')
/** In the sample and in the whole. */
const PREFIX = 'debian/bookworm/lib'

interface Item {
  key: string
  value: string
}

function itemsOf(text: string): Item[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Item)
}

const byKey = (a: Item, b: Item) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))

test(`${INPUT === WHOLE ? 'all packages' : 'a sample of packages'} in and out`, { timeout: 240_000 }, async () => {
  const bytes = readFileSync(INPUT)
  const items = itemsOf((INPUT.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()).sort(byKey)
  expect(new Set(items.map(({ key }) => key)).size).toBe(items.length)
  await using cluster = await Cluster.start()
  const rafterdb = (...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      const all = [CLI, ...args, '--endpoints', cluster.endpoints.join(',')]
      execFile(process.execPath, all, { maxBuffer: 2 ** 30 }, (error, out, err) => {
        if (error) reject(new Error(err))
        else resolve(out)
      })
    })

  expect(JSON.parse(await rafterdb('import', INPUT, '--json'))).toMatchObject({ imported: items.length })
  const keys = (await rafterdb('range', '--prefix', PREFIX, '--keys-only')).trimEnd().split('\n')
  expect(keys.length).toBeGreaterThan(0)
  expect(keys).toEqual(items.map(({ key }) => key).filter((key) => key.startsWith(PREFIX)))
  const exported = itemsOf(await rafterdb('export'))
  expect(exported.length).toBe(items.length)
  // Only what differs: two whole lists would take minutes to compare in print.
  const wrong = items.filter(({ key, value }, i) => exported[i]?.key !== key || exported[i].value !== value)
  expect(wrong).toEqual([])
  const statuses = await cluster.settled()
  expect(new Set(statuses.map((status) => status.stateHash)).size).toBe(1)
  expect(Math.max(...statuses.map(({ revision }) => revision))).toBe(items.length + 1)
})
