// Builds the native binary (build/rafterdb.<platform>.node) and the JavaScript (dist/, index.d.ts, native.d.ts).
//   node scripts/build.mjs [native|ts] [--if-needed] [--debug] [-- arguments of `napi build`]
// `--if-needed` builds only the parts whose sources are newer than what was built last.
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeTypes } from './generate-types.mjs'
import { root, run } from './run.mjs'
import { separateSymbols, symbolsOf } from './symbols.mjs'

/** What each part is made from, what must exist afterwards, and how it is made. */
const parts = {
  native: {
    sources: ['crates', 'Cargo.toml', 'Cargo.lock'],
    isSource: (path) => /\.(rs|toml|lock)$/.test(path) && !/[/\\]tests[/\\]/.test(path),
    isBuilt: () => existsSync(join(root, 'build')) && readdirSync(join(root, 'build')).some((name) => name.endsWith('.node')),
    make: makeNative,
  },
  ts: {
    sources: ['src', 'tsconfig.json', 'tsconfig.build.json'],
    isSource: (path) => /\.(ts|json)$/.test(path),
    isBuilt: () => existsSync(join(root, 'dist/server/main.js')),
    make: makeTypeScript,
  },
}

/** Builds `only` one part, or both. Throws if a compiler fails. */
export function build({ only, ifNeeded = false, napiArgs = ['--release'] } = {}) {
  for (const [name, part] of Object.entries(parts)) {
    if (only && only !== name) continue
    const stamp = join(root, 'build', `${name}.stamp`)
    if (ifNeeded && !isStale(part, stamp)) continue
    const started = Date.now() / 1_000
    part.make(napiArgs)
    mkdirSync(join(root, 'build'), { recursive: true })
    writeFileSync(stamp, '')
    // What was saved while the compiler ran counts as newer than the build.
    utimesSync(stamp, started, started)
  }
}

function makeNative(napiArgs) {
  if (run.status('cargo', ['--version'], { stdio: 'ignore' }) !== 0) {
    throw new Error('Rust is needed to build the native part: install it from rustup.rs, then try again')
  }
  run('napi', [
    'build',
    '--platform',
    '--no-js',
    '--manifest-path',
    'crates/binding/Cargo.toml',
    '--output-dir',
    'build',
    ...napiArgs,
  ])
  for (const binary of freshBinaries()) {
    if (napiArgs.includes('--release')) separateSymbols(binary)
    else rmSync(symbolsOf(binary), { force: true })
  }
}

/** Binaries for Linux that came from the compiler just now: they are younger than the symbols that were taken from the last ones. */
function freshBinaries() {
  const names = readdirSync(join(root, 'build')).filter((name) => /\.linux-.*\.node$/.test(name))
  const isFresh = (binary) => !existsSync(symbolsOf(binary)) || statSync(symbolsOf(binary)).mtimeMs < statSync(binary).mtimeMs
  return names.map((name) => join(root, 'build', name)).filter(isFresh)
}

function makeTypeScript() {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  run('tsc', ['-p', 'tsconfig.build.json'])
  chmodSync(join(root, 'dist/server/main.js'), 0o755)
  writeTypes()
}

function isStale(part, stamp) {
  if (!existsSync(stamp) || !part.isBuilt()) return true
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

/** What stands before the mark and what stands after it. */
function splitAt(list, mark) {
  const at = list.indexOf(mark)
  return at < 0 ? [list, []] : [list.slice(0, at), list.slice(at + 1)]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [args, extra] = splitAt(process.argv.slice(2), '--')
  const profile = args.includes('--debug') ? [] : ['--release']
  try {
    build({ only: args.find((arg) => arg in parts), ifNeeded: args.includes('--if-needed'), napiArgs: [...profile, ...extra] })
  } catch (error) {
    console.error(`build: ${error.message}`)
    process.exitCode = 1
  }
}
