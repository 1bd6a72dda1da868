// Runs after `npm ci` in a git checkout and builds the project there. Does nothing where there is no source:
// users who install from a registry get a prebuilt binary and compile nothing.
import { existsSync } from 'node:fs'
import { build } from './build.mjs'

const root = new URL('..', import.meta.url)
const isCheckout = existsSync(new URL('.git', root)) && existsSync(new URL('Cargo.toml', root))
if (isCheckout && !process.env.RAFTERDB_SKIP_PREPARE) await build({ ifNeeded: true })
