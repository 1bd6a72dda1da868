// Runs after `npm ci` and builds the project in a git checkout. Does nothing where there is no source:
// users who install the package get a prebuilt binary and compile nothing. RAFTERDB_SKIP_PREPARE=1 leaves the build out.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { root } from './run.mjs'

const isCheckout = existsSync(join(root, '.git')) && existsSync(join(root, 'Cargo.toml'))
if (isCheckout && !process.env.RAFTERDB_SKIP_PREPARE) {
  try {
    build({ ifNeeded: true })
  } catch (error) {
    console.error(`prepare: ${error.message}`)
    process.exitCode = 1
  }
}
