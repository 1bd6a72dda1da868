// The rules of the house hold for every file, and each rule catches what it is there for.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { circles } from './tidy/circles.js'
import { noAny, noUnwrap, safety, suppressions, unsafePlaces } from './tidy/code.js'
import { crates } from './tidy/crates.js'
import { headers, lengths, places, running } from './tidy/files.js'
import { functions } from './tidy/functions.js'
import { imports } from './tidy/imports.js'
import { everyKind, layouts } from './tidy/layouts.js'
import { names } from './tidy/names.js'
import { LIST, notYetClean } from './tidy/not-yet-clean.js'
import { paths } from './tidy/paths.js'
import { purity } from './tidy/purity.js'
import { reachable } from './tidy/reachable.js'
import { rooms } from './tidy/rooms.js'
import type { Rule, SourceFile } from './tidy/rule.js'

const rules: Rule[] = [
  imports,
  rooms,
  crates,
  circles,
  purity,
  names,
  paths,
  reachable,
  layouts,
  everyKind,
  noAny,
  noUnwrap,
  safety,
  unsafePlaces,
  suppressions,
  headers,
  lengths,
  functions,
  places,
  running,
]

const root = fileURLToPath(new URL('..', import.meta.url))
/** Real-world input, not written here. */
const isData = (path: string) => path.startsWith('examples/data/')

/** Every text file that is or will be committed. */
function projectFiles(): SourceFile[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  return list
    .split('\n')
    .filter((path) => path !== '' && !isData(path) && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

const files = projectFiles()

test('there are files to check', () => {
  expect(files.length).toBeGreaterThan(100)
})

describe.each(rules)('$name', ({ check, canaries }) => {
  test('holds', () => {
    expect(check(files)).toEqual([])
  })

  test.each(canaries.map((canary) => [canary]))('catches its canary %#', (canary) => {
    expect(check(canary)).not.toEqual([])
  })
})

test('a place that is not clean fails unless it is on the list, and one on the list fails once it is clean', () => {
  const list = [{ rule: 'circles', path: 'crates/old/', reason: 'it is old' }]
  const project: SourceFile[] = [{ path: LIST, text: '' }]
  const at = (path: string) => [{ path, text: 'a circle' }]
  expect(notYetClean('circles', project, at('crates/old/src/a.rs'), list)).toEqual([])
  expect(notYetClean('circles', project, at('crates/older/src/a.rs'), list)).toHaveLength(2)
  expect(notYetClean('circles', project, [], list)).toHaveLength(1)
  expect(notYetClean('functions', project, at('crates/old/src/a.rs'), list)).toHaveLength(1)
})
