// The Rust half of the bench: runs criterion and reads its results. Knows no table.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from '../../scripts/run.mjs'

const RESULTS = join(root, 'target', 'criterion')
const SHORT = ['--warm-up-time', '0.05', '--measurement-time', '0.1', '--sample-size', '10', '--nresamples', '100']

/**
 * Runs the given rows' benches. Returns a Map from id (`group/function/size`) to `{ ns, min, reference, bytes?, elements? }`: the
 * median and the minimum of nanoseconds an iteration, the minimum of the reference kernel in the same process, and what an
 * iteration handles.
 */
export function runCriterion(rows, { quick = false } = {}) {
  rmSync(RESULTS, { recursive: true, force: true })
  const ids = rows.map(({ rust }) => rust.replaceAll(/[^\w/-]/g, '.'))
  for (const bench of new Set(rows.map(({ bench }) => bench))) {
    const own = ids.filter((_, i) => rows[i].bench === bench)
    const filter = `^(reference/${bench}|${own.join('|')})$`
    const args = ['bench', '--quiet', '-p', 'rafterdb-bench', '--bench', bench, '--', filter, ...(quick ? SHORT : []), '--noplot']
    // Criterion's own report goes to stderr, so that stdout holds the table alone.
    run('cargo', args, { stdio: ['ignore', 2, 2] })
  }
  const results = new Map(resultsBelow(RESULTS).map(readResult))
  for (const { bench, rust } of rows) {
    const result = results.get(rust)
    if (!result) throw new Error(`benches/${bench}.rs has no ${rust}`)
    result.reference = results.get(`reference/${bench}`).min
  }
  return results
}

function resultsBelow(directory) {
  if (!existsSync(directory)) return []
  if (existsSync(join(directory, 'new', 'benchmark.json'))) return [join(directory, 'new')]
  const folders = readdirSync(directory, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && entry.name !== 'report',
  )
  return folders.flatMap((entry) => resultsBelow(join(directory, entry.name)))
}

function readResult(directory) {
  const read = (name) => JSON.parse(readFileSync(join(directory, name), 'utf8'))
  const { full_id: id, throughput } = read('benchmark.json')
  const { iters, times } = read('sample.json')
  const [amount] = Array.isArray(throughput) ? throughput : [throughput]
  const result = {
    ns: read('estimates.json').median.point_estimate,
    min: Math.min(...times.map((time, i) => time / iters[i])),
    bytes: amount?.Bytes,
    elements: amount?.Elements,
  }
  return [id, result]
}
