// Every example runs and prints what it promises. Runs what is built in dist and build.
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const examples = fileURLToPath(new URL('../../examples', import.meta.url))

const promises: Record<string, RegExp> = {
  'embed.mjs': /^hello\ngreeting = hello\ngot the lock\n$/,
  'native.mjs': /^5254278485347419 2591144780\ntrue\n[abc] 2 3\ntrue true\n1\n$/,
  'debian-import.mjs': /^imported 200 records in .* s\n(debian\/bookworm\/lib.*\n){5}all 200 records came back as they were\n$/,
}

test('each example has its promise here', () => {
  expect(Object.keys(promises).sort()).toEqual(
    readdirSync(examples)
      .filter((name) => name.endsWith('.mjs'))
      .sort(),
  )
})

test.each(Object.entries(promises))('%s', { timeout: 60_000 }, async (name, promise) => {
  const directory = mkdtempSync(join(tmpdir(), 'rafterdb-examples-'))
  try {
    const { code, out, err } = await runExample(name, directory)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(promise)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

function runExample(name: string, cwd: string): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(examples, name)], { cwd, timeout: 50_000 }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err })
    })
  })
}
