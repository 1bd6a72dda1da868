// Prepares a release: one version in package.json, the lockfiles, Cargo.toml and the packages of the platforms; the changelog's
// `Unreleased` under that version and today's date; a commit and a tag. Pushes nothing: the tag's push starts the workflow.
//   node scripts/release.mjs 0.2.0 [--dry-run]
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, run } from './run.mjs'

/** What each file says with the new version. Throws if it has no place for it. */
export const edits = {
  'package.json': (text, version) => replace(text, /"version": "[^"]*"/, `"version": "${version}"`),
  'package-lock.json': (text, version) => {
    const lock = JSON.parse(text)
    const whole = { ...lock, version, packages: { ...lock.packages, '': { ...lock.packages[''], version } } }
    return `${JSON.stringify(whole, null, 2)}\n`
  },
  'Cargo.toml': (text, version) => replace(text, /(\[workspace\.package\]\nversion = )"[^"]*"/, `$1"${version}"`),
  'CHANGELOG.md': (text, version, date) => replace(text, /## Unreleased\n/, `## Unreleased\n\n## ${version} (${date})\n`),
}

function replace(text, pattern, by) {
  if (!pattern.test(text)) throw new Error(`nothing to replace by ${by}`)
  return text.replace(pattern, by)
}

function main([version, ...flags]) {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version ?? '')) throw new Error('which version? such as 0.2.0')
  if (run.output('git', ['status', '--porcelain']) !== '') throw new Error('there is uncommitted work')
  const date = new Date().toISOString().slice(0, 10)
  const platforms = readdirSync(join(root, 'npm')).map((name) => `npm/${name}/package.json`)
  const all = { ...edits, ...Object.fromEntries(platforms.map((path) => [path, edits['package.json']])) }
  const texts = Object.entries(all).map(([path, edit]) => [path, edit(readFileSync(join(root, path), 'utf8'), version, date)])
  for (const [path, text] of texts) {
    console.log(path)
    if (!flags.includes('--dry-run')) writeFileSync(join(root, path), text)
  }
  if (flags.includes('--dry-run')) return
  // Takes the new version of the workspace's crates into Cargo.lock, and nothing else.
  run('cargo', ['update', '--workspace', '--offline'])
  run('git', ['commit', '--all', '--message', `Release ${version}`])
  run('git', ['tag', '--annotate', `v${version}`, '--message', `v${version}`])
  console.log(`Look at it, then: git push origin main v${version}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main(process.argv.slice(2))
  } catch (error) {
    console.error(`release: ${error.message}`)
    process.exitCode = 1
  }
}
