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
import { locks } from './tidy/locks.js'
import { names } from './tidy/names.js'
import { paths } from './tidy/paths.js'
import { purity } from './tidy/purity.js'
import { reachable } from './tidy/reachable.js'
import { clientRooms, roomsOfThePlane } from './tidy/rooms.js'
import type { Rule, SourceFile } from './tidy/rule.js'

const rules: Rule[] = [
  imports,
  clientRooms,
  roomsOfThePlane,
  crates,
  circles,
  purity,
  names,
  paths,
  locks,
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
