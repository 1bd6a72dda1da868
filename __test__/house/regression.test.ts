// The check of the native bench's figures against a baseline: it catches what became worse, and nothing else.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const script = fileURLToPath(new URL('../../bench/native/regression.mjs', import.meta.url))
let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rafterdb-regression-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const baseline = { path: 'avx512', ratios: { 'hash/32, Rust': 0.01, 'hash/32, Node': 0.2 } }
/** Figures of a machine on which the reference takes `reference` ns, and the hash so many. */
const figures = ({ rust = 10, node = 200, reference = 1_000, path = 'avx512' } = {}) => ({
  path,
  rows: [{ row: 'hash/32', rust: { min: rust, reference }, node: { min: node, reference } }, { row: 'new/32' }],
})

function check(found: unknown) {
  const [before, now] = [join(directory, 'baseline.json'), join(directory, 'figures.json')]
  writeFileSync(before, JSON.stringify(baseline))
  writeFileSync(now, JSON.stringify(found))
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, before, now], { encoding: 'utf8' })
  return { status, text: stdout + stderr }
}

test('the same figures are no regression', () => {
  expect(check(figures())).toEqual({ status: 0, text: '2 as before, 0 worse\n' })
})

test('neither are better ones, nor those of a machine half as fast', () => {
  expect(check(figures({ rust: 5, node: 190 })).status).toBe(0)
  expect(check(figures({ rust: 20, node: 400, reference: 2_000 })).status).toBe(0)
})

test('5 % are allowed, 6 % are not', () => {
  expect(check(figures({ rust: 10.49 })).status).toBe(0)
  const worse = check(figures({ rust: 10.6 }))
  expect(worse.status).toBe(1)
  expect(worse.text).toContain('hash/32, Rust: 0.0106 times the reference, 0.0100 before (+6.0 %)')
})

test('a figure that is slower only against the reference is caught', () => {
  expect(check(figures({ node: 200, reference: 900 })).status).toBe(1)
})

test('a figure that is gone, or is no number, is caught', () => {
  expect(check({ path: 'avx512', rows: [] })).toMatchObject({ status: 1, text: expect.stringContaining('not measured any more') })
  expect(check(figures({ rust: Number.NaN })).status).toBe(1)
})

test('a baseline of other instructions is not compared', () => {
  expect(check(figures({ path: 'avx2' }))).toMatchObject({ status: 2, text: expect.stringContaining('avx512, this is avx2') })
})
