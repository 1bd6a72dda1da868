// Finds and loads the native binary of this platform. Knows where it may be, nothing of what is in it.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RafterError } from '../errors.js'
import type { Binding } from './binding.js'
import { platformName } from './platform.js'

/** What the search depends on; tests put their own in. */
export interface Surroundings {
  env: Record<string, string | undefined>
  /** Such as `linux-x64-gnu`. */
  platform: string
  exists(path: string): boolean
  /** Loads a file or a package. */
  require(name: string): unknown
}

const variable = process.env['RAFTERDB_NATIVE']

/** The binary that RAFTERDB_NATIVE names, seen from where the process is as this is loaded; threads that begin later are told. */
export const namedBinary: string | undefined = variable ? resolve(variable) : undefined

let loaded: { binding: Binding; file: string } | undefined

/** The addon of this process. Throws RafterError BINARY_MISSING. */
export function loadBinding(named = namedBinary): Binding {
  loaded ??= load(named)
  return loaded.binding
}

/** The file of the addon, for threads that begin later: whatever they find, it is this one that knows the members. As above. */
export function binaryFile(): string {
  loaded ??= load(namedBinary)
  return loaded.file
}

function load(named: string | undefined): { binding: Binding; file: string } {
  const require = requireHere()
  const surroundings = { env: { RAFTERDB_NATIVE: named }, platform: platformName(), exists: existsSync, require }
  const binding = findBinding(surroundings)
  return { binding, file: require.resolve(sourceOf(surroundings)) }
}

/** Bundled into a CommonJS file, a module does not know where it is. */
function requireHere(): NodeJS.Require {
  if ((import.meta.url as string | undefined) !== undefined) return createRequire(import.meta.url)
  throw new RafterError(
    'BINARY_MISSING',
    'rafterdb was bundled into a CommonJS file, where it can find neither its native binary nor its worker: leave it out of the ' +
      'bundle (esbuild and rolldown: --external rafterdb), or bundle into an ES module',
  )
}

/** In this order: the path in RAFTERDB_NATIVE, the build of this checkout, the package of this platform. */
function sourceOf({ env, platform, exists }: Surroundings): string {
  const built = fileURLToPath(new URL(`../../build/rafterdb.${platform}.node`, import.meta.url))
  return env['RAFTERDB_NATIVE'] || (exists(built) ? built : `rafterdb-${platform}`)
}

/** The addon where `sourceOf` says. Throws RafterError BINARY_MISSING. */
export function findBinding(surroundings: Surroundings): Binding {
  const { env, platform, require } = surroundings
  const source = sourceOf(surroundings)
  try {
    return require(source) as Binding
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    const remedy = env['RAFTERDB_NATIVE']
      ? 'correct or unset RAFTERDB_NATIVE'
      : `install the package rafterdb-${platform}, or run \`npm run build:native\` in a checkout (it needs Rust)`
    throw new RafterError('BINARY_MISSING', `no native binary for ${platform} at ${source}: ${why}; ${remedy}`, { cause: error })
  }
}
