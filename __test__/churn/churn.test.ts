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
/** What an allocator and a collector keep of what comes and goes; far below what a thousand lives would leave. */
const RSS_BYTES_MAX = 96 * MIB
const HEAP_BYTES_MAX = 1 * MIB
const EXTERNAL_BYTES_MAX = 2 * MIB

/** What is held too much after so many lives. */
async function grown(warm: number, lives: number, leak = ''): Promise<string[]> {
  const run = promisify(execFile)(process.execPath, ['--expose-gc', CHILD, `${warm}`, `${lives}`, leak])
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
]

test.for(CANARIES)('canary: a %s that is left open on purpose is noticed', { timeout: 60_000 }, async ([leak, what]) => {
  expect((await grown(10, 60, leak)).join('\n')).toContain(what)
})
