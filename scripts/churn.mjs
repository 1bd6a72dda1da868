// Opens and closes stores, clients and workers for long, and prints what the process holds and how fast that grows.
//   npm run churn -- [minutes, 30]
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

if (globalThis.gc === undefined) {
  const self = fileURLToPath(import.meta.url)
  const { status } = spawnSync(process.execPath, ['--expose-gc', self, ...process.argv.slice(2)], { stdio: 'inherit' })
  process.exit(status ?? 1)
}

const { Churn, measure } = await import('../__test__/churn/rounds.mjs')
const MIB = 1 << 20
const LIVES = 100
const minutes = Number(process.argv[2] ?? 30)

/** Least squares, an hour. */
function slope(samples, of) {
  const n = samples.length
  const meanX = samples.reduce((sum, sample) => sum + sample.hours, 0) / n
  const meanY = samples.reduce((sum, sample) => sum + of(sample), 0) / n
  const over = samples.reduce((sum, sample) => sum + (sample.hours - meanX) * (of(sample) - meanY), 0)
  return over / samples.reduce((sum, sample) => sum + (sample.hours - meanX) ** 2, 0)
}

const print = (text) => process.stdout.write(`${text}\n`)
const churn = new Churn()
await churn.start()
await churn.run(3 * LIVES)
const began = Date.now()
const samples = []
let lives = 0
for (let shownAt = 0; Date.now() - began < minutes * 60_000; ) {
  await churn.run(LIVES)
  lives += LIVES
  samples.push({ hours: (Date.now() - began) / 3_600_000, ...(await measure()) })
  if (Date.now() - shownAt < 30_000) continue
  shownAt = Date.now()
  const { threads, files, rss, heap } = samples.at(-1)
  print(
    `${lives} lives: ${threads} threads, ${files} files, ${(rss / MIB).toFixed(1)} MiB resident, ${(heap / MIB).toFixed(2)} MiB heap`,
  )
}
// The first tenth is what caches and the allocator fill.
const settled = samples.slice(Math.floor(samples.length / 10))
const rate = (lives * 60) / minutes
print(`an hour, at ${Math.round(rate)} lives an hour:`)
print(`  threads  ${slope(settled, (sample) => sample.threads).toFixed(2)}`)
print(`  files    ${slope(settled, (sample) => sample.files).toFixed(2)}`)
print(`  resident ${(slope(settled, (sample) => sample.rss) / MIB).toFixed(2)} MiB`)
print(`  heap     ${(slope(settled, (sample) => sample.heap) / MIB).toFixed(3)} MiB`)
await churn.end()
