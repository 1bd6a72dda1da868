// What is published fits together: one package a platform, all of one version, and a lock file that names no registry.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { platformName } from '../../src/native/platform.js'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const main = JSON.parse(read('package.json'))
const platforms = [
  platformName('linux', 'x64', () => false),
  platformName('linux', 'x64', () => true),
  platformName('linux', 'arm64', () => false),
  platformName('linux', 'arm64', () => true),
  platformName('darwin', 'x64'),
  platformName('darwin', 'arm64'),
  platformName('win32', 'x64'),
]

test('there is a target for each platform', () => {
  expect(main.napi.targets).toHaveLength(platforms.length)
})

test.each(platforms)('the package of %s has the version of this one and holds its binary', (platform) => {
  const manifest = JSON.parse(read(`npm/${platform}/package.json`))
  const { name, version, license, engines } = manifest
  expect({ name, version, license, engines }).toEqual({
    name: `rafterdb-${platform}`,
    version: main.version,
    license: main.license,
    engines: main.engines,
  })
  expect(manifest.main).toBe(`rafterdb.${platform}.node`)
  expect(manifest.files).toEqual([manifest.main])
})

test('the crates have the same version', () => {
  expect(/^version = "(.*)"$/m.exec(read('Cargo.toml'))?.[1]).toBe(main.version)
})

test('the lock file holds every optional package, and no address of a registry', () => {
  const text = read('package-lock.json')
  expect(text).not.toContain('"resolved"')
  const packages: Record<string, { optionalDependencies?: Record<string, string> }> = JSON.parse(text).packages
  const held = Object.keys(packages).map((path) => path.split('node_modules/').at(-1))
  const optional = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
  expect(optional.filter((name) => !held.includes(name))).toEqual([])
})

test('what the manifest points to exists', () => {
  const entries = [main.exports['.'], main.exports['./native']].flatMap((entry) =>
    [entry.import, entry.require].flatMap((way) => [way.types, way.default]),
  )
  const paths = [main.types, main.bin.rafterdb, ...entries]
  for (const path of paths) expect(existsSync(fileURLToPath(new URL(`../../${path}`, import.meta.url))), path).toBe(true)
})
