// `npm test`: builds what is not up to date, then runs the tests of Rust and of TypeScript. Both always run; the last lines name what
// failed and count all.
//   node scripts/test.mjs [--no-rust] [arguments of vitest]

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { build } from './build.mjs'
import { root, run } from './run.mjs'

const args = process.argv.slice(2).filter((arg) => arg !== '--no-rust')

/** Runs the workspace's tests, shows them, and counts from their summaries. */
async function testRust() {
  const child = spawn('cargo', ['test', '--workspace', '--no-fail-fast', '--quiet'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk)
    text += chunk
  })
  const status = await new Promise((resolve) => {
    child.once('error', () => resolve(1))
    child.once('close', resolve)
  })
  const count = { passed: 0, failed: 0, names: [] }
  for (const [, names] of text.matchAll(/^failures:\n((?: {4}\S.*\n)+)/gm)) count.names.push(...names.trim().split(/\s*\n\s*/))
  for (const [, passed, failed] of text.matchAll(/^test result: .*?(\d+) passed; (\d+) failed/gm)) {
    count.passed += Number(passed)
    count.failed += Number(failed)
  }
  return atLeastOneFailure(count, status)
}

function testTypeScript() {
  const directory = mkdtempSync(join(tmpdir(), 'rafterdb-test-'))
  const file = join(directory, 'result.json')
  try {
    const status = run.status(process.execPath, [
      join('node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...args,
    ])
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8'))
    const names = testResults.flatMap(({ name, status: outcome, assertionResults }) => {
      const path = relative(root, name)
      const failed = assertionResults
        .filter((test) => test.status === 'failed')
        .map((test) => `${path}: ${test.fullName}: ${test.failureMessages[0]?.split('\n')[0]}`)
      return outcome === 'failed' && failed.length === 0 ? [path] : failed
    })
    return atLeastOneFailure({ passed: numPassedTests, failed: numFailedTests, names }, status)
  } catch {
    return { passed: 0, failed: 1, names: ['vitest left no result'] }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A runner that fails without a failed test (a compiler's error, say) counts as one failure. */
const atLeastOneFailure = (count, status) =>
  status !== 0 && count.failed === 0 ? { ...count, failed: 1, names: [...count.names, `the runner ended with ${status}`] } : count

try {
  build({ ifNeeded: true })
  const rust = process.argv.includes('--no-rust') ? { passed: 0, failed: 0, names: [] } : await testRust()
  const typescript = testTypeScript()
  const failed = rust.failed + typescript.failed
  for (const name of [...rust.names, ...typescript.names]) console.log(`FAILED ${name}`)
  console.log(`${rust.passed + typescript.passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
} catch (error) {
  console.error(`test: ${error.message}`)
  console.log('0 passed, 1 failed')
  process.exitCode = 1
}
