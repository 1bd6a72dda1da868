// Mutation testing of src/raft: changes one condition or statement at a time, and sees whether the scripts, the unit tests,
// the directed adversaries or the simulator notice. Ends with 1 below the score, with a survivor that scripts/mutation/equivalent.txt
// does not explain, or with an explanation that is out of date.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Cache } from './mutation/cache.mjs'
import { loadEquivalent, outOfDate } from './mutation/equivalent.mjs'
import { mutantsOf } from './mutation/mutants.mjs'
import { runMutants, startWorkers } from './mutation/run-mutants.mjs'
import { root } from './run.mjs'

const USAGE = `node scripts/mutate.mjs [options]
  --file raft/lease.ts   only mutants of this file (several times: of these)
  --only ID              only this mutant (several times: these), and what noticed it
  --sample N             only N that are not explained, beside those of --only; --seed S draws others
  --quick                scripts and unit tests only
  --jobs N               processes (default 1)
  --fresh                without what earlier runs found
  --list                 shows the mutants, runs none
  --json                 the result as JSON`

/** Least share of mutants that must be noticed. */
const SCORE_LEAST = 0.9

const { values: options } = parse()
const files = readdirSync(join(root, 'src/raft')).filter((file) => file.endsWith('.ts') && file !== 'raft-kinds.ts')
const all = files.flatMap((file) => mutantsOf(`raft/${file}`, readFileSync(join(root, 'src/raft', file), 'utf8')))
const equivalent = loadEquivalent()
const mutants = chosen()

if (options.list) for (const { id, file, line, identity } of mutants) console.log(`${id} src/${file}:${line} ${identity}`)
else await main()

async function main() {
  const started = performance.now()
  const { list, workers } = await startWorkers(Number(options.jobs), options.quick === true)
  const digests = new Map(list.filter(({ quick }) => quick || !options.quick).map(({ name, digest }) => [name, digest]))
  const cache = new Cache(join(root, options.fresh ? 'build/mutation-fresh.json' : 'build/mutation.json'))
  const results = new Map()
  const tasks = []
  for (const mutant of mutants) {
    const { noticed, missing, first } = options.fresh ? { missing: [...digests.keys()] } : cache.known(mutant.id, digests)
    if (noticed !== undefined || missing.length === 0) results.set(mutant.id, noticed)
    else tasks.push({ mutant, names: missing, first })
  }
  let ran = 0
  await runMutants(workers, tasks, ({ mutant, names }, noticed) => {
    results.set(mutant.id, noticed)
    cache.keep(mutant.id, noticed, names, digests)
    ran += 1
    if (ran % 50 === 0) cache.save()
    if (process.stderr.isTTY || ran % 200 === 0)
      process.stderr.write(`${ran} of ${tasks.length}${process.stderr.isTTY ? '\r' : '\n'}`)
  })
  cache.save()
  report(results, ran, Math.round((performance.now() - started) / 1000))
}

function report(results, ran, seconds) {
  const survivors = mutants.filter(({ id }) => results.get(id) === undefined)
  const unexplained = survivors.filter(({ identity }) => !equivalent.has(identity))
  const stale = outOfDate(equivalent, all, results)
  const score = mutants.length === 0 ? 1 : 1 - survivors.length / mutants.length
  // Of a few mutants no share can be asked for.
  const enough = mutants.length < all.length || score >= SCORE_LEAST
  process.exitCode = unexplained.length === 0 && stale.length === 0 && enough ? 0 : 1
  if (options.json) {
    const shown = mutants.map(({ id, identity, line }) => ({ id, identity, line, noticed: results.get(id) ?? null }))
    console.log(JSON.stringify({ score, unexplained: unexplained.map(({ id }) => id), stale, mutants: shown }))
    return
  }
  if (options.only) for (const { id, identity } of mutants) console.log(`${id} ${identity}\n  ${describe(results.get(id))}`)
  for (const { id, file, line, identity } of unexplained) console.log(`survives: ${id} src/${file}:${line} ${identity}`)
  for (const text of stale) console.log(`out of date: ${text}`)
  for (const file of files.filter((name) => mutants.some((mutant) => mutant.file === `raft/${name}`)))
    console.log(share(file, results))
  console.log(`${mutants.length} mutants, ${mutants.length - survivors.length} noticed, ${survivors.length} survive`)
  console.log(`score ${(100 * score).toFixed(1)} %, ${survivors.length - unexplained.length} survivors explained as equivalent`)
  console.log(`${ran} were run in ${seconds} s`)
}

function share(file, results) {
  const own = mutants.filter((mutant) => mutant.file === `raft/${file}`)
  const noticed = own.filter(({ id }) => results.get(id) !== undefined).length
  return `  ${`raft/${file}`.padEnd(22)} ${String(noticed).padStart(4)} of ${String(own.length).padStart(4)}`
}

function describe(noticed) {
  return noticed === undefined ? 'survives' : `noticed by ${noticed.check}: ${noticed.message}`
}

function chosen() {
  const only = all.filter(({ id }) => options.only?.includes(id))
  if (options.only && options.sample === undefined) return only
  const some = options.file ? all.filter(({ file }) => options.file.includes(file)) : all
  // The survivors that are explained take longest.
  return options.sample === undefined
    ? some
    : [...only, ...drawn(some.filter((mutant) => !equivalent.has(mutant.identity) && !only.includes(mutant)))]
}

/** Some mutants, the same for the same seed. */
function drawn(pool) {
  let state = Number(options.seed) >>> 0
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  return Array.from(
    { length: Math.min(Number(options.sample), pool.length) },
    () => pool.splice(Math.floor(next() * pool.length), 1)[0],
  )
}

function parse() {
  const text = { type: 'string' }
  const flag = { type: 'boolean' }
  try {
    return parseArgs({
      options: {
        ...{
          file: { ...text, multiple: true },
          only: { ...text, multiple: true },
          sample: text,
          seed: { ...text, default: '1' },
        },
        ...{ jobs: { ...text, default: '1' }, fresh: flag, quick: flag, list: flag, json: flag },
      },
    })
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`)
    process.exit(2)
  }
}
