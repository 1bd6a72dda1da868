// How much of the code the tests run: lines of Rust by cargo-llvm-cov, lines of TypeScript by V8.
//   node scripts/coverage.mjs [rust|ts] [-- arguments of `cargo llvm-cov` or of vitest]
// Of TypeScript only what runs in the tests' own processes is counted: members in child processes and Raft workers run from dist, and
// are not. Reports for reading lie in build/coverage.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './run.mjs'

const CARGO_LLVM_COV = '0.9.1'
const folder = join(root, 'build/coverage')
const args = process.argv.slice(2)
const mark = args.indexOf('--')
const [wanted, extra] = mark < 0 ? [args, []] : [args.slice(0, mark), args.slice(mark + 1)]

const parts = { rust, ts: typescript }

function rust() {
  if (run.status('cargo', ['llvm-cov', '--version'], { stdio: 'ignore' }) !== 0) {
    throw new Error(`needs cargo install --locked cargo-llvm-cov@${CARGO_LLVM_COV} and rustup component add llvm-tools`)
  }
  // Without debug symbols it takes a third of the disk; coverage needs none. Names are not compressed, as LLVM's tools may be built
  // without zlib.
  const RUSTFLAGS = `${process.env.RUSTFLAGS ?? ''} -C llvm-args=-enable-name-compression=false`.trim()
  const env = { CARGO_PROFILE_DEV_DEBUG: '0', CARGO_INCREMENTAL: '0', RUSTFLAGS }
  const what = extra.length > 0 ? extra : ['--workspace']
  // Code that is instrumented is slow: a test that ends with a time may fail, and the figure is of what ran all the same.
  run('cargo', ['llvm-cov', '--no-report', '--ignore-run-fail', ...what], { env })
  run('cargo', ['llvm-cov', 'report', '--html', '--output-dir', join(folder, 'rust')], { env })
  const options = { cwd: root, encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 2 ** 28 }
  const { stdout } = spawnSync('cargo', ['llvm-cov', 'report', '--json', '--summary-only'], options)
  return JSON.parse(stdout).data[0].totals.lines
}

function typescript() {
  const reporters = ['--coverage.reporter=html', '--coverage.reporter=json-summary']
  const report = join(folder, 'ts')
  const flags = ['--coverage', '--coverage.include=src/**', `--coverage.reportsDirectory=${report}`, '--coverage.reportOnFailure']
  const status = run.status('vitest', ['run', ...flags, ...reporters, ...extra])
  if (status !== 0) console.log(`vitest ended with ${status}: the figure is of a run with failures`)
  const summary = join(report, 'coverage-summary.json')
  if (!existsSync(summary)) throw new Error('vitest left no report')
  const { total, covered } = JSON.parse(readFileSync(summary, 'utf8')).total.lines
  return { count: total, covered }
}

try {
  const names = wanted.length > 0 ? wanted : Object.keys(parts)
  const unknown = names.find((name) => !(name in parts))
  if (unknown !== undefined) throw new Error(`no part ${unknown}: rust or ts`)
  const figures = names.map((name) => [name, parts[name]()])
  for (const [name, { count, covered }] of figures) {
    console.log(`${name}: ${((100 * covered) / count).toFixed(1)} % of ${count} lines`)
  }
} catch (error) {
  console.error(`coverage: ${error.message}`)
  process.exitCode = 1
}
