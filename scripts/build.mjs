// Builds the native binary (build/rafterdb.<platform>.node) and the JavaScript (dist/).
//   node scripts/build.mjs [native|ts] [--if-needed] [--debug]
// `--if-needed` builds only the parts whose sources are newer than what was built last.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What each part is made from, and how. A part is stale when a source is newer than its stamp. */
const parts = {
  native: { sources: ['crates', 'Cargo.toml', 'Cargo.lock'], isSource: (path) => /\.(rs|toml|lock)$/.test(path), make: makeNative },
  ts: { sources: ['src', 'tsconfig.json', 'tsconfig.build.json'], isSource: (path) => /\.(ts|json)$/.test(path), make: makeTypeScript },
}

/** Builds `only` one part or both. Throws if a compiler fails. */
export async function build({ only, ifNeeded = false, debug = false } = {}) {
  for (const [name, part] of Object.entries(parts)) {
    if (only && only !== name) continue
    const stamp = join(root, 'build', `${name}.stamp`)
    if (ifNeeded && !isStale(part, stamp)) continue
    const started = Date.now()
    part.make(debug)
    mkdirSync(join(root, 'build'), { recursive: true })
    const { writeFileSync, utimesSync } = await import('node:fs')
    writeFileSync(stamp, '')
    // What was saved while the compiler ran counts as newer than the build.
    utimesSync(stamp, started / 1000, started / 1000)
  }
}

function makeNative(debug) {
  const profile = debug ? [] : ['--release']
  run('napi', ['build', '--platform', ...profile, '--no-js', '--manifest-path', 'crates/binding/Cargo.toml', '--output-dir', 'build'])
}

function makeTypeScript() {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  run('tsc', ['-p', 'tsconfig.build.json'])
  const main = join(root, 'dist/server/main.js')
  if (existsSync(main)) chmodSync(main, 0o755)
}

/** Runs a program of node_modules/.bin. */
function run(program, args) {
  const path = [join(root, 'node_modules/.bin'), process.env.PATH].join(process.platform === 'win32' ? ';' : ':')
  const options = { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path }, shell: process.platform === 'win32' }
  const { status, error } = spawnSync(program, args, options)
  if (error) throw error
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed with status ${status}`)
}

function isStale(part, stamp) {
  if (!existsSync(stamp)) return true
  const built = statSync(stamp).mtimeMs
  return part.sources.some((path) => newest(join(root, path), part.isSource) > built)
}

/** Newest modification time of the sources at or below `path`; 0 if there are none. */
function newest(path, isSource) {
  if (!existsSync(path)) return 0
  const stat = statSync(path)
  if (!stat.isDirectory()) return isSource(path) ? stat.mtimeMs : 0
  return readdirSync(path).reduce((time, name) => Math.max(time, newest(join(path, name), isSource)), 0)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2)
  const only = args.find((arg) => arg in parts)
  try {
    await build({ only, ifNeeded: args.includes('--if-needed'), debug: args.includes('--debug') })
  } catch (error) {
    console.error(`build: ${error.message}`)
    process.exitCode = 1
  }
}
