// Goal: what is closed is let go. Stores and clients are opened and closed a thousand times, workers with open stores terminated
// among them: afterwards the process has no thread, no file and hardly any memory more than before.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

interface Held {
  threads: number
  files: number
  rss: number
  heap: number
  external: number
}

const CHILD = fileURLToPath(new URL('./child.mjs', import.meta.url))
const MIB = 1 << 20
/** The log of the member that stays grows by a segment now and then. */
const FILES_MAX = 6
/** What the member that stays remembers (sessions, the end of its log, rows) and freed pieces between others; below 30 KiB a life. */
const RSS_BYTES_MAX = 24 * MIB
const HEAP_BYTES_MAX = 1 * MIB
/** As much as the client keeps of buffers for the next one. */
const EXTERNAL_BYTES_MAX = 4 * MIB
/** The young generation as it begins: it grows to 16 MiB and more with the rate of calls. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=1']
/** One arena: of one for each few threads glibc keeps more of what was freed than a leak of a thousand lives would be. */
const ENVIRONMENT = { ...process.env, MALLOC_ARENA_MAX: '1' }

/** What is held too much after so many lives. */
async function grown(warm: number, lives: number, leak = ''): Promise<string[]> {
  const run = promisify(execFile)(process.execPath, [...FLAGS, CHILD, `${warm}`, `${lives}`, leak], { env: ENVIRONMENT })
  const { before, after } = JSON.parse((await run).stdout) as { before: Held; after: Held }
  const found: string[] = []
  const check = (what: keyof Held, most: number) => {
    const more = after[what] - before[what]
    if (more > most) found.push(`${what}: ${before[what]} before, ${after[what]} after`)
  }
  check('threads', 0)
  check('files', FILES_MAX)
  check('rss', RSS_BYTES_MAX)
  check('heap', HEAP_BYTES_MAX)
  check('external', EXTERNAL_BYTES_MAX)
  return found
}

test('a thousand stores, clients and workers come and go', { timeout: 180_000 }, async () => {
  expect(await grown(150, 850)).toEqual([])
})

const CANARIES: [string, string][] = [
  ['store', 'files'],
  ['client', 'files'],
  ['worker', 'threads'],
  ['heap', 'heap'],
  ['memory', 'rss'],
]

test.for(CANARIES)('canary: a %s that is left open on purpose is noticed', { timeout: 60_000 }, async ([leak, what]) => {
  expect((await grown(10, 60, leak)).join('\n')).toContain(what)
})
