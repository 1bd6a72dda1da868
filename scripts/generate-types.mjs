// Writes the public types, each entry of the package rolled up in one file: index.d.ts and native.d.ts, and again as .d.cts for
// TypeScript that compiles to CommonJS: under `module: node16` it does not let that require an ES module.
// `--check` writes nothing and fails if a committed file differs.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, run } from './run.mjs'

/** Declaration files at the top of the project without their endings, and the entries that they are made from. */
const ENTRIES = { index: 'src/index.ts', native: 'src/library/index.ts' }
const ENDINGS = ['.d.ts', '.d.cts']

const header = (entry) => `// Generated from ${entry} by \`npm run build:ts\`; do not edit.
/// <reference lib="esnext.disposable" />

`

/** Writes all of them. Throws if an entry does not compile. */
export function writeTypes() {
  for (const [name, entry] of Object.entries(ENTRIES)) {
    const text = generateTypes(entry)
    for (const ending of ENDINGS) writeFileSync(join(root, `${name}${ending}`), text)
  }
}

function generateTypes(entry) {
  const directory = mkdtempSync(join(tmpdir(), 'rafterdb-types-'))
  const file = join(directory, 'index.d.ts')
  try {
    const options = ['--project', 'tsconfig.json', '--no-check', '--no-banner', '--silent', '--export-referenced-types']
    run('dts-bundle-generator', [...options, '--out-file', file, entry])
    const text = readFileSync(file, 'utf8').trim()
    return `${header(entry)}${text.replace(/^\t+/gm, (tabs) => '  '.repeat(tabs.length))}\n`
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes('--check')) writeTypes()
  else {
    for (const [name, entry] of Object.entries(ENTRIES)) {
      const text = generateTypes(entry)
      for (const ending of ENDINGS) {
        if (readFileSync(join(root, `${name}${ending}`), 'utf8') === text) continue
        console.error(`${name}${ending} is stale: run npm run build:ts and commit it`)
        process.exitCode = 1
      }
    }
  }
}
