// What a maintainer relies on: a check that could not ask is no pass, a release changes what it should, one Rust everywhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), 'utf8')
const load = (name: string): Promise<unknown> => import(new URL(`scripts/${name}`, root).href)

interface Verdict {
  verdict: 'ok' | 'wrong' | 'unknown'
  why?: string
}
type Judge = (run: { status: number; output: string }) => Verdict
type Edit = (text: string, version: string, date: string) => string

test('a database that is not reached, or a program that is missing, is neither a pass nor a fault', async () => {
  const { judge } = (await load('check-dependencies.mjs')) as { judge: Judge }
  expect(judge({ status: 0, output: 'advisories ok' })).toEqual({ verdict: 'ok' })
  expect(judge({ status: 1, output: 'error[vulnerability]: a hole in x' })).toEqual({ verdict: 'wrong' })
  expect(judge({ status: 1, output: '12 vulnerabilities (3 moderate)' })).toEqual({ verdict: 'wrong' })
  const unreached = [
    '[ERROR] failed to fetch advisory database',
    'npm error audit endpoint returned an error',
    'error: no such command: `deny`',
  ]
  for (const output of unreached)
    expect(judge({ status: 1, output })).toMatchObject({ verdict: 'unknown', why: expect.any(String) })
})

test('a release sets the version everywhere and dates the changelog', async () => {
  const { edits } = (await load('release.mjs')) as { edits: Record<string, Edit> }
  const edited = (path: string) => edits[path]!(read(path), '7.8.9', '2030-01-02')
  expect(JSON.parse(edited('package.json')).version).toBe('7.8.9')
  const [lock, before] = [JSON.parse(edited('package-lock.json')), JSON.parse(read('package-lock.json'))]
  expect([lock.version, lock.packages[''].version]).toEqual(['7.8.9', '7.8.9'])
  expect(lock.packages['node_modules/vitest']).toEqual(before.packages['node_modules/vitest'])
  expect(edited('Cargo.toml')).toContain('[workspace.package]\nversion = "7.8.9"')
  expect(edited('CHANGELOG.md')).toContain('## Unreleased\n\n## 7.8.9 (2030-01-02)\n')
  expect(() => edits['CHANGELOG.md']!('# Changelog\n', '7.8.9', '2030-01-02')).toThrow('nothing to replace')
})

test('the workflows use the Rust of rust-toolchain.toml, and check the oldest one', () => {
  const pinned = /^channel = "(.*)"$/m.exec(read('rust-toolchain.toml'))?.[1]
  const oldest = /^rust-version = "(.*)"$/m.exec(read('Cargo.toml'))?.[1]
  const workflows = readdirSync(fileURLToPath(new URL('.github/workflows', root))).map((name) =>
    read(`.github/workflows/${name}`),
  )
  const used = workflows.flatMap((text) => [...text.matchAll(/dtolnay\/rust-toolchain@(\S+)/g)].map((match) => match[1]))
  expect(new Set(used)).toEqual(new Set([pinned, `${oldest}.0`]))
  expect(workflows.join('')).toContain(`cargo +${oldest}.0 check`)
})

test('what does not run under a second Node is there, and what depends on Node is not among it', async () => {
  const { sameUnderEveryNode } = (await load('node-tests.mjs')) as { sameUnderEveryNode: Record<string, string[]> }
  const patterns = Object.values(sameUnderEveryNode).flat()
  for (const pattern of patterns) {
    const path = fileURLToPath(new URL(pattern.replace(/\/\*\*$/, ''), root))
    expect(existsSync(path), pattern).toBe(true)
  }
  const again = ['client', 'library', 'plane', 'server', 'churn', 'examples'].map((folder) => `__test__/${folder}/`)
  expect(patterns.filter((pattern) => again.some((folder) => pattern.startsWith(folder)))).toEqual([])
  expect(new Set(patterns).size).toBe(patterns.length)
})

test('what the workflows install has the version that the scripts name', () => {
  const scripts = read('scripts/check-dependencies.mjs') + read('scripts/coverage.mjs')
  const named = [...scripts.matchAll(/CARGO_(DENY|LLVM_COV) = '(.*)'/g)].map((match) => match[2])
  const workflows = read('.github/workflows/ci.yml') + read('.github/workflows/scheduled.yml')
  const installed = [...workflows.matchAll(/cargo-(?:deny|llvm-cov)@(\d\S*)/g)].map((match) => match[1])
  expect(named).toHaveLength(2)
  expect(new Set(installed.map((version) => version?.replace(/\W+$/, '')))).toEqual(new Set(named))
})
