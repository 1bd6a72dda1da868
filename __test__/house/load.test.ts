// The native binary is looked for in three places, and a missing one is an error that says what to do.
import { expect, test } from 'vitest'
import { findBinding, type Surroundings } from '../../src/native/load.js'
import { platformName } from '../../src/native/platform.js'

/** Surroundings in which `present` can be loaded; a required name comes back as the binding. */
function surroundings(present: string[], env: Record<string, string> = {}): Surroundings {
  const matches = (name: string) => present.some((end) => name.endsWith(end))
  const require = (name: string) => {
    if (matches(name)) return { from: name }
    throw new Error(`Cannot find module '${name}'\nRequire stack: …`)
  }
  return { env, platform: 'linux-x64-gnu', exists: matches, require }
}

test('the path in RAFTERDB_NATIVE comes first, then the build of the checkout, then the package', () => {
  const built = 'build/rafterdb.linux-x64-gnu.node'
  const all = ['own.node', built, 'rafterdb-linux-x64-gnu']
  expect(findBinding(surroundings(all, { RAFTERDB_NATIVE: './own.node' }))).toEqual({ from: './own.node' })
  expect(findBinding(surroundings(all))).toEqual({ from: expect.stringMatching(/\/build\/rafterdb\.linux-x64-gnu\.node$/) })
  expect(findBinding(surroundings(['rafterdb-linux-x64-gnu']))).toEqual({ from: 'rafterdb-linux-x64-gnu' })
})

test('a missing binary names the package and the command that builds it', () => {
  expect(() => findBinding(surroundings([]))).toThrow(
    expect.objectContaining({
      code: 'BINARY_MISSING',
      message:
        "no native binary for linux-x64-gnu at rafterdb-linux-x64-gnu: Cannot find module 'rafterdb-linux-x64-gnu'; " +
        'install the package rafterdb-linux-x64-gnu, or run `npm run build:native` in a checkout (it needs Rust)',
    }),
  )
})

test('a wrong path in RAFTERDB_NATIVE is not passed over', () => {
  const wrong = surroundings(['rafterdb-linux-x64-gnu'], { RAFTERDB_NATIVE: './none.node' })
  expect(() => findBinding(wrong)).toThrow(/at \.\/none\.node: .*; correct or unset RAFTERDB_NATIVE/)
})

test('platforms have the names of their packages', () => {
  const glibc = () => false
  const musl = () => true
  expect(platformName('linux', 'x64', glibc)).toBe('linux-x64-gnu')
  expect(platformName('linux', 'arm64', musl)).toBe('linux-arm64-musl')
  expect(platformName('darwin', 'arm64', glibc)).toBe('darwin-arm64')
  expect(platformName('win32', 'x64', glibc)).toBe('win32-x64-msvc')
})
