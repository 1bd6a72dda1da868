// No dead files: every source is reached from an entry.
import { isRust, isTypeScript, type Rule, referencesOf, type SourceFile } from './rule.js'

/** What the package is entered by; a worker is reached by the URL that starts it. */
const ENTRIES = ['src/index.ts', 'src/library/index.ts', 'src/server/main.ts']
const isEntry = (path: string) =>
  ENTRIES.includes(path) || /\.(test|bench|config)\.ts$/.test(path) || !/^(src|__test__)\//.test(path)

function deadTypeScript(files: SourceFile[]): string[] {
  const sources = new Map(files.filter((file) => isTypeScript(file)).map((file) => [file.path, file]))
  const reached = new Set<string>()
  // Scripts, examples and fixtures in plain JavaScript reach what they start, too.
  const queue = files.filter(({ path }) => path.endsWith('.mjs') || (sources.has(path) && isEntry(path))).map(({ path }) => path)
  const byPath = new Map(files.map((file) => [file.path, file]))
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = byPath.get(path)
    if (!file || reached.has(path)) continue
    reached.add(path)
    queue.push(...referencesOf(file).map(({ target }) => target.replace(/^dist\//, 'src/')))
  }
  return [...sources.keys()].filter((path) => !reached.has(path)).map((path) => `${path} is reached from nowhere`)
}

/** A Rust file is alive when the file above it declares it: `mod name;`. */
function deadRust(files: SourceFile[]): string[] {
  const sources = new Map(
    files.filter((file) => isRust(file) && /^crates\/[^/]+\/src\//.test(file.path)).map((file) => [file.path, file]),
  )
  return [...sources.keys()].filter((path) => !isDeclared(path, sources)).map((path) => `${path} is declared nowhere`)
}

function isDeclared(path: string, sources: Map<string, SourceFile>): boolean {
  const parts = path.split('/')
  let name = (parts.pop() ?? '').replace(/\.rs$/, '')
  if (parts.at(-1) === 'src' && (name === 'lib' || name === 'main')) return true
  if (parts.includes('bin')) return true
  if (name === 'mod') name = parts.pop() ?? ''
  const folder = parts.join('/')
  const parents = [`${folder}/lib.rs`, `${folder}/main.rs`, `${folder}/mod.rs`, `${folder}.rs`]
  return parents.some((parent) => new RegExp(`\\bmod\\s+${name}\\s*;`).test(sources.get(parent)?.text ?? ''))
}

export const reachable: Rule = {
  name: 'no dead files',
  check: (files) => [...deadTypeScript(files), ...deadRust(files)],
  canaries: [
    [
      { path: 'src/index.ts', text: "export { a } from './client/a.js'\n" },
      { path: 'src/client/a.ts', text: '' },
      { path: 'src/client/b.ts', text: "export { a } from './a.js'\n" },
    ],
    [{ path: '__test__/client/fake.ts', text: '' }],
    [
      { path: 'crates/wal/src/lib.rs', text: 'mod record;\n' },
      { path: 'crates/wal/src/record.rs', text: '' },
      { path: 'crates/wal/src/old.rs', text: '' },
    ],
  ],
}
