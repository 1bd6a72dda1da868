// The hot paths side by side: each function in Rust (criterion), through the boundary (tinybench), and the best of npm for the same
// job in the same process. One table; `--json` for programs. `--compare` fails if a figure became worse than bench/baseline.json.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { readFlags } from './flags.mjs'
import { runCriterion } from './native/criterion.mjs'
import { baselineOf, describeRegression, regressions } from './native/regression.mjs'
import { ROWS } from './native/rows.mjs'
import { nativeTable } from './native/table.mjs'

const flags = readFlags('npm run bench:native -- [--json] [--quick] [--only TEXT] [--compare] [--save]', {
  json: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  only: { type: 'string', default: '' },
  compare: { type: 'boolean', default: false },
  save: { type: 'boolean', default: false },
})

const BASELINE = new URL('./baseline.json', import.meta.url)
/** A figure counts as worse when it is so each time. */
const TRIES = 3

const figures = measure(flags.only)
if (figures.rows.length === 0) throw new Error(`no row of the table contains ${flags.only}`)
console.log(flags.json ? JSON.stringify(figures, null, 2) : nativeTable(figures))
if (flags.save) writeFileSync(BASELINE, `${JSON.stringify(baselineOf(figures), null, 2)}\n`)
if (flags.compare) compare()

/** One row a function and size: its figures in Rust, in Node, and those of others. */
function measure(only) {
  const wanted = ROWS.filter(({ row }) => row.includes(only))
  const inRust = runCriterion(
    wanted.filter(({ rust }) => rust),
    { quick: flags.quick },
  )
  const { path, inNode } = runNode(only)
  const rows = wanted.map(({ row, rust }) => ({ row, rust: inRust.get(rust), node: inNode.get(row) }))
  return { machine: cpus()[0]?.model ?? 'unknown', node: process.version, path, rows }
}

function runNode(only) {
  const script = fileURLToPath(new URL('./native/node.mjs', import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [script, '--only', only, ...(flags.quick ? ['--quick'] : [])], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 2 ** 20,
  })
  if (status !== 0) throw new Error(`the Node half of the bench failed (${status})`)
  const { path, rows } = JSON.parse(stdout)
  return { path, inNode: new Map(rows.map(({ row, ...figures }) => [row, figures])) }
}

/** Measures again what looks worse, as others use the machine too; the best of the tries counts. */
function compare() {
  const baseline = JSON.parse(readFileSync(BASELINE, 'utf8'))
  const chosen = Object.keys(baseline.ratios).filter((name) => name.includes(flags.only))
  baseline.ratios = Object.fromEntries(chosen.map((name) => [name, baseline.ratios[name]]))
  let found = regressions(baseline, figures)
  for (let attempt = 1; attempt < TRIES && found.length > 0; attempt++) {
    const rows = new Set(found.map(({ name }) => name.replace(/, (Rust|Node)$/, '')))
    const again = [...rows].flatMap((row) => measure(row).rows)
    const worse = { ratios: Object.fromEntries(found.map(({ name, before }) => [name, before])), path: baseline.path }
    found = regressions(worse, { path: figures.path, rows: again })
  }
  for (const one of found) console.error(`worse: ${describeRegression(one)}`)
  console.error(`${chosen.length - found.length} figures as in the baseline, ${found.length} worse`)
  process.exitCode = found.length > 0 ? 1 : 0
}
