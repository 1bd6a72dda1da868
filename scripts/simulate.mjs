// Long runs of the simulator, with everything that `__test__/sim/everything.ts` draws: seeds over processes, and how to repeat the ones
// that fail. Ends with 1 if one does.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { bundle } from './simulation/bundle.mjs'
import { runSeeds } from './simulation/run-seeds.mjs'
import { add, describe } from './simulation/totals.mjs'

const USAGE = `npm run simulate -- [options]
  --seeds 1000      how many
  --from 1          the first one
  --seed N          only this one, and all of what it says when it fails
  --seconds 60      of simulated time in which faults happen
  --jobs N          processes (default: one for each CPU)
  --minutes N       begins no more seeds after so long`

const SHOWN_EVERY_MS = 30_000
/** Of so many seeds one is run twice, and must be the same run. */
const TWICE_EVERY = 50

const options = parse()
const [first, count] = options.seed === undefined ? [options.from, options.seeds] : [options.seed, 1]
const file = await bundle()
const started = Date.now()
const total = {}
const failed = []
let done = 0
let shownAt = started

await runSeeds({
  ...{ file, jobs: Math.min(options.jobs, count), first, count, seconds: options.seconds, twiceEvery: TWICE_EVERY },
  until: started + options.minutes * 60_000,
  onResult({ seed, outcome, error }) {
    done += 1
    if (error !== undefined) {
      failed.push(seed)
      console.log(`seed ${seed} fails: ${options.seed === undefined ? error.split('\n')[0] : error}`)
      console.log(`  repeat it with: npm run simulate -- --seed ${seed} --seconds ${options.seconds}`)
    } else add(total, outcome)
    if (Date.now() - shownAt < SHOWN_EVERY_MS) return
    shownAt = Date.now()
    console.log(`${done} of ${count} seeds, ${failed.length} fail`)
  },
})
for (const line of describe(total, { done, failed: failed.length, ms: Date.now() - started })) console.log(line)
process.exitCode = failed.length > 0 ? 1 : 0

function parse() {
  const number = (value, least) => {
    const found = Number(value)
    if (Number.isFinite(found) && found >= least) return found
    console.error(USAGE)
    process.exit(2)
  }
  try {
    const { values } = parseArgs({
      options: Object.fromEntries(
        ['seeds', 'from', 'seed', 'seconds', 'jobs', 'minutes'].map((name) => [name, { type: 'string' }]),
      ),
    })
    return {
      seeds: number(values.seeds ?? 1000, 1),
      from: number(values.from ?? 1, 0),
      seed: values.seed === undefined ? undefined : number(values.seed, 0),
      seconds: number(values.seconds ?? 60, 1),
      jobs: number(values.jobs ?? availableParallelism(), 1),
      minutes: number(values.minutes ?? Number.MAX_SAFE_INTEGER, 0),
    }
  } catch {
    console.error(USAGE)
    process.exit(2)
  }
}
