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

let loaded: Binding | undefined

/** The addon of this process. Throws RafterError BINARY_MISSING. */
export function loadBinding(named = namedBinary): Binding {
  loaded ??= findBinding({
    env: { RAFTERDB_NATIVE: named },
    platform: platformName(),
    exists: existsSync,
    require: createRequire(import.meta.url),
  })
  return loaded
}

/** In this order: the path in RAFTERDB_NATIVE, the build of this checkout, the package of this platform. */
export function findBinding({ env, platform, exists, require }: Surroundings): Binding {
  const named = env['RAFTERDB_NATIVE']
  const built = fileURLToPath(new URL(`../../build/rafterdb.${platform}.node`, import.meta.url))
  const packageName = `rafterdb-${platform}`
  const source = named || (exists(built) ? built : packageName)
  try {
    return require(source) as Binding
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    const remedy = named
      ? 'correct or unset RAFTERDB_NATIVE'
      : `install the package ${packageName}, or run \`npm run build:native\` in a checkout (it needs Rust)`
    throw new RafterError('BINARY_MISSING', `no native binary for ${platform} at ${source}: ${why}; ${remedy}`, { cause: error })
  }
}
