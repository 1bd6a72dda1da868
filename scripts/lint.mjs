// `npm run lint`: every check that needs no test run. Runs them all, then fails if one did.
import { run } from './run.mjs'

const checks = {
  'code style (biome)': ['biome', ['check', '--error-on-warnings', '.']],
  'types (tsc)': ['tsc', ['--noEmit']],
  'generated tables': [process.execPath, ['scripts/generate-tables.mjs', '--check']],
  'generated types': [process.execPath, ['scripts/generate-types.mjs', '--check']],
  'format (cargo fmt)': ['cargo', ['fmt', '--all', '--check']],
  'lints (cargo clippy)': ['cargo', ['clippy', '--workspace', '--all-targets', '--quiet', '--', '-D', 'warnings']],
}

const failed = Object.entries(checks).filter(([name, [program, args]]) => {
  const status = run.status(program, args)
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}`)
  return status !== 0
})
console.log(`${Object.keys(checks).length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length > 0 ? 1 : 0
