// The mutation runner in its short form: it finds the mutants there are, tells who is noticed, and believes no stale excuse.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('../../scripts/mutate.mjs', import.meta.url))
const load = (name: string): Promise<unknown> => import(new URL(`../../scripts/mutation/${name}`, import.meta.url).href)
const { applied, mutantsOf } = (await load('mutants.mjs')) as {
  applied(text: string, mutant: Mutant): string
  mutantsOf(name: string, text: string): Mutant[]
}
const { outOfDate, readEquivalent } = (await load('equivalent.mjs')) as {
  outOfDate(reasons: Map<string, string>, mutants: Mutant[], results: Map<string, unknown>): string[]
  readEquivalent(text: string): Map<string, string>
}
const seed = Number(process.env['RAFTERDB_MUTATION_SEED'] ?? 1)
const SAMPLE = 60

interface Mutant {
  id: string
  identity: string
}
interface Noticed {
  check: string
  how: string
}
interface Result {
  unexplained: string[]
  stale: string[]
  mutants: { id: string; identity: string; noticed: Noticed | null }[]
}

async function mutate(...args: string[]): Promise<{ code: number; out: string }> {
  try {
    return { code: 0, out: (await promisify(execFile)(process.execPath, [script, ...args], { maxBuffer: 2 ** 26 })).stdout }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout + stderr }
  }
}

async function idOf(identity: string): Promise<string> {
  const { out } = await mutate('--list')
  const line = out.split('\n').find((text) => text.endsWith(` ${identity}`))
  expect(line, identity).toBeDefined()
  return line!.slice(0, 6)
}

test('each condition and each statement has its mutants', () => {
  const text = `function f(a: number, done: boolean): void {
  assert(a <= 1, 'small', { a })
  if (a > 0 && done) call(a - 2)
}
`
  const mutants = mutantsOf('raft/f.ts', text)
  expect(mutants.map(({ identity }) => identity.replace('raft/f.ts f: ', ''))).toEqual([
    'a <= 1 → a < 1',
    'a > 0 && done → true',
    'a > 0 && done → false',
    'a > 0 && done → a > 0 || done',
    'a > 0 → true',
    'a > 0 → a >= 0',
    'a > 0 → a <= 0',
    'a > 0 → a > 1',
    'done → true',
    'call(a - 2) → deleted',
    'a - 2 → a + 2',
    'a - 2 → a - 3',
  ])
  expect(applied(text, mutants[3]!)).toContain('if (a > 0 || done) call(a - 2)')
})

test('an explanation needs a reason, and a mutant that is there and survives', () => {
  const reasons = readEquivalent(
    '# Why.\n\nraft/a.ts f: a → b\nraft/a.ts f: a → c\n  Nobody asks.\n\nraft/a.ts g: a → b\n  Gone.\n',
  )
  expect([...reasons]).toEqual([
    ['raft/a.ts f: a → b', 'Nobody asks.'],
    ['raft/a.ts f: a → c', 'Nobody asks.'],
    ['raft/a.ts g: a → b', 'Gone.'],
  ])
  expect(() => readEquivalent('raft/a.ts f: a → b\n')).toThrow('no reason')
  expect(() => readEquivalent('raft/a.ts f: a → b\nraft/a.ts f: a → b\n  x\n')).toThrow('twice')
  const mutants = ['b', 'c'].map((to) => ({ id: to, identity: `raft/a.ts f: a → ${to}` }))
  const results = new Map([['c', { check: 'script x', message: 'differs' }]])
  expect(outOfDate(reasons, mutants, results)).toEqual([
    'raft/a.ts f: a → c (noticed by script x: differs)',
    'raft/a.ts g: a → b (there is no such mutant)',
  ])
})

test(`${SAMPLE} mutants of the core (seed ${seed}) are noticed`, { timeout: 180_000 }, async () => {
  const [noticed, endless, survivor] = await Promise.all([
    idOf('raft/vote.ts isUpToDate: message.lastIndex >= lastIndex → true'),
    idOf('raft/log.ts Log.truncate: this.#firsts.pop() → deleted'),
    idOf('raft/voters.ts reachedByMajority: at > 0 → true'),
  ])
  const only = [noticed, endless, survivor].flatMap((id) => ['--only', id])
  const { code, out } = await mutate('--fresh', '--quick', '--json', '--sample', `${SAMPLE}`, '--seed', `${seed}`, ...only)
  expect(out).toMatch(/^\{/)
  const { unexplained, stale, mutants } = JSON.parse(out) as Result
  const of = (id: string) => mutants.find((mutant) => mutant.id === id)
  expect(mutants).toHaveLength(SAMPLE + only.length / 2)
  // The canaries: a mutant that breaks a rule, one that never ends, one that is as good as the original.
  expect(of(noticed)?.noticed?.how).toBe('failed')
  expect(of(endless)?.noticed?.how).toBe('endless')
  expect(of(survivor)?.noticed).toBe(null)
  expect({ code, unexplained, stale }).toEqual({ code: 0, unexplained: [], stale: [] })
})
