// The process that runs mutants one after another for mutate.mjs: one that does not come back costs this process only.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Checks } from './checks.mjs'
import { applied } from './mutants.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const checks = new Checks(root)
try {
  checks.baseline(process.argv[2] === 'quick')
} catch (error) {
  process.send({ broken: String(error?.stack ?? error) })
}
process.send({ ready: checks.list })

process.on('message', ({ mutant, names, first }) => {
  const path = join(root, 'src', mutant.file)
  const text = applied(readFileSync(path, 'utf8'), mutant)
  const started = performance.now()
  const noticed = checks.noticed({ path, text }, new Set(names), first)
  process.send({ id: mutant.id, noticed, ms: Math.round(performance.now() - started) })
})
