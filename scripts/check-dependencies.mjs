// What is known against the packages and crates of others: licences, sources and duplicates by deny.toml, faults by the databases of
// RustSec and npm. Ends with 1 if something is wrong, and with 3 if nothing is known to be wrong but not all could be asked: a
// database that is not reached is not a clean bill.
//   node scripts/check-dependencies.mjs [--offline-is-fine]
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { root } from './run.mjs'

const CARGO_DENY = '0.20.2'
const UNREACHED =
  /failed to fetch advisory database|Could not resolve|audit endpoint returned an error|ENOTFOUND|ECONNREFUSED|ETIMEDOUT/

/** `ok`, `wrong`, or `unknown` with what stood in the way. */
export function judge({ status, output }) {
  if (status === 0) return { verdict: 'ok' }
  const missing = /no such command: `deny`/.test(output)
  if (missing) return { verdict: 'unknown', why: `cargo-deny is missing: cargo install --locked cargo-deny@${CARGO_DENY}` }
  const reason = output.split('\n').find((line) => UNREACHED.test(line))
  return reason ? { verdict: 'unknown', why: `the database is not reached: ${reason.trim()}` } : { verdict: 'wrong' }
}

const checks = {
  'licences, sources and duplicates of crates': ['cargo', ['deny', '--offline', 'check', 'licenses', 'bans', 'sources']],
  'faults of crates': ['cargo', ['deny', 'check', 'advisories']],
  'faults of packages': ['npm', ['audit', '--audit-level=moderate']],
}

function main() {
  const verdicts = Object.entries(checks).map(([name, [program, args]]) => {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd: root,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
    const output = `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`
    const { verdict, why } = judge({ status, output })
    if (verdict === 'wrong') console.log(output)
    console.log(`${{ ok: 'ok     ', wrong: 'FAILED ', unknown: 'UNKNOWN' }[verdict]} ${name}${why ? `: ${why}` : ''}`)
    return verdict
  })
  if (verdicts.includes('wrong')) return 1
  return verdicts.includes('unknown') && !process.argv.includes('--offline-is-fine') ? 3 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main()
