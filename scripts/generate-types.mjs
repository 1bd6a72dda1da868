// Writes index.d.ts: the public types in one file, rolled up from src/index.ts.
// `--check` writes nothing and fails if the committed file differs.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, run } from './run.mjs'

const HEADER = `// Generated from src/index.ts by \`npm run build:ts\`; do not edit.
/// <reference lib="esnext.disposable" />

`

/** The text of index.d.ts. Throws if src/index.ts does not compile. */
export function generateTypes() {
  const directory = mkdtempSync(join(tmpdir(), 'rafterdb-types-'))
  const file = join(directory, 'index.d.ts')
  try {
    const options = ['--project', 'tsconfig.json', '--no-check', '--no-banner', '--silent', '--export-referenced-types']
    run('dts-bundle-generator', [...options, '--out-file', file, 'src/index.ts'])
    const text = readFileSync(file, 'utf8').trim()
    return `${HEADER}${text.replace(/^\t+/gm, (tabs) => '  '.repeat(tabs.length))}\n`
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = join(root, 'index.d.ts')
  const text = generateTypes()
  if (!process.argv.includes('--check')) writeFileSync(target, text)
  else if (readFileSync(target, 'utf8') !== text) {
    console.error('index.d.ts is stale: run npm run build:ts and commit it')
    process.exitCode = 1
  }
}
