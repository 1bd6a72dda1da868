// Whether figures have become worse than a baseline. What counts is the ratio to a reference kernel that was measured in the same
// run, not the time: so a slower or busier machine is no regression.
//   node bench/native/regression.mjs BASELINE FIGURES      two files of JSON; exit code 1 if something regressed, 2 if unusable
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A ratio may grow by so much. */
export const TOLERANCE = 0.05

/** Name of each figure → its ratio to the reference: the fastest sample of one by the fastest of the other. */
export function ratios({ rows }) {
  const entries = rows.flatMap(({ row, rust, node }) => [
    ...(rust ? [[`${row}, Rust`, rust.min / rust.reference]] : []),
    ...(node ? [[`${row}, Node`, node.min / node.reference]] : []),
  ])
  return Object.fromEntries(entries)
}

/** What a file keeps of figures: the ratios, and the instructions they were measured with. */
export const baselineOf = (figures) => ({ path: figures.path, ratios: ratios(figures) })

/** Figures of the baseline that are missing now, and those that became worse: `{ name, before, now }`. Throws if they cannot be compared. */
export function regressions(baseline, figures) {
  if (baseline.path !== figures.path) {
    throw new Error(`the baseline was measured with ${baseline.path}, this is ${figures.path}; record one with --save`)
  }
  const now = ratios(figures)
  return Object.entries(baseline.ratios)
    .map(([name, before]) => ({ name, before, now: now[name] }))
    .filter(({ before, now }) => !(now > 0 && now <= before * (1 + TOLERANCE)))
}

/** A line for people. */
export function describeRegression({ name, before, now }) {
  if (!(now > 0)) return `${name}: not measured any more`
  return `${name}: ${now.toFixed(4)} times the reference, ${before.toFixed(4)} before (+${((now / before - 1) * 100).toFixed(1)} %)`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const [baseline, figures] = process.argv.slice(2, 4).map((path) => JSON.parse(readFileSync(path, 'utf8')))
    const found = regressions(baseline, figures)
    for (const one of found) console.log(describeRegression(one))
    console.log(`${Object.keys(baseline.ratios).length - found.length} as before, ${found.length} worse`)
    process.exitCode = found.length > 0 ? 1 : 0
  } catch (error) {
    console.error(`regression: ${error.message}`)
    process.exitCode = 2
  }
}
