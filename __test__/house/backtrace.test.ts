// A broken invariant in Rust can be traced: with the symbols beside the stripped binary to the line, without them to the function.
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { platformName } from '../../src/native/platform.js'

const built = fileURLToPath(new URL(`../../build/rafterdb.${platformName()}.node`, import.meta.url))
const symbols = built.replace(/\.node$/, '.debug')
const child = fileURLToPath(new URL('fixtures/panic.mjs', import.meta.url))
/** What npm downloads for each platform. Unstripped it is 36 MB. */
const BINARY_BYTES_MAX = 10e6
/** A call of this project's code: function, and line in a source file. */
const LINE = /at .*crates\/plane\/src\/[\w/]+\.rs:\d+:\d+/
const FUNCTION = /\d+: (<?)rafterdb_\w+::/

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-backtrace-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function backtraceOf(binary: string): Promise<string> {
  const env = { ...process.env, RAFTERDB_NATIVE: binary, RAFTERDB_FAULTS: 'member.close=panic', RUST_BACKTRACE: '1' }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [child], { env })
  expect(stdout).toBe('INTERNAL\n')
  expect(stderr).toContain('member.close: armed to panic')
  return stderr
}

describe.runIf(process.platform === 'linux')('a broken invariant', () => {
  test('is traced to its line by the binary that was built', async () => {
    expect(await backtraceOf(built)).toMatch(LINE)
  })

  test('is traced to its function by the binary alone, as npm installs it', async () => {
    const alone = join(dir, 'alone.node')
    copyFileSync(built, alone)
    expect(await backtraceOf(alone)).toMatch(FUNCTION)
  })

  // A build with --debug keeps its symbols in it.
  test.runIf(existsSync(symbols))('costs a small binary', () => {
    expect(statSync(built).size).toBeLessThan(BINARY_BYTES_MAX)
    expect(readFileSync(built).includes(basename(symbols))).toBe(true)
  })
})
