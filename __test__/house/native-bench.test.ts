// The Node half of the native bench runs in its short form: each case works, ours and those of npm.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('../../bench/native/node.mjs', import.meta.url))
const run = (...args: string[]) => promisify(execFile)(process.execPath, [script, ...args])

interface Row {
  row: string
  ns: number
  min: number
  reference: number
  best?: { name: string; ns: number }
}

test('every case is measured', { timeout: 120_000 }, async () => {
  const { path, rows } = JSON.parse((await run('--quick')).stdout) as { path: string; rows: Row[] }
  expect(path).toMatch(/^(scalar|sse|avx2|avx512|neon)$/)
  expect(rows.length).toBeGreaterThan(25)
  for (const { row, ns, min, reference, best } of rows) {
    expect(min, row).toBeGreaterThan(0)
    expect(ns, row).toBeGreaterThanOrEqual(min)
    expect(reference, row).toBeGreaterThan(0)
    if (best) expect(best.ns, row).toBeGreaterThan(0)
  }
})

test('a mistyped flag prints the usage', async () => {
  await expect(run('--quik')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('[--quick]') })
})
