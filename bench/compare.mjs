// Another checkout's build against this one: both clusters run, and the loads take turns of a part of a second, so that a
// machine whose speed drifts slows both alike. Prints for each load the median of the turns' ratios, new to old, and the
// interval in which the true median lies with 95 % (by ranks, no distribution assumed), and the ratio of all turns together, which also has
// what the median hides, such as one turn of many in which everything waited: of these processes. Another start differs
// (`getSync` of a build against itself: 0.96 to 1.03 in five starts), so decide by the median of several.
import { existsSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Child, findLeader, startCluster } from './cluster.mjs'
import { readFlags } from './flags.mjs'
import { LOADS, REMOTE_LOADS, SYNC_LOAD, shape as shapeOf } from './loads.mjs'
import { align } from './table.mjs'

const usage = 'node bench/compare.mjs --old CHECKOUT [--rounds 40] [--ms 400] [--only TEXT] [--least 0.97] [--json] [--dir DIR]'
const options = {
  old: { type: 'string' },
  rounds: { type: 'string', default: '40' },
  ms: { type: 'string', default: '400' },
  only: { type: 'string', default: '' },
  least: { type: 'string', default: '0' },
  json: { type: 'boolean', default: false },
  dir: { type: 'string', default: 'data/compare' },
}
const isBuilt = (root) => root !== undefined && existsSync(resolve(root, 'dist'))
const flags = readFlags(usage, options, ({ old }) => (isBuilt(old) ? undefined : '--old: a checkout that is built'))
const [rounds, turnMs, least] = [flags.rounds, flags.ms, flags.least].map(Number)
const shape = shapeOf({ quick: false })

const sides = []
for (const [name, root] of [
  ['old', flags.old],
  ['new', '.'],
]) {
  const script = pathToFileURL(resolve(root, 'bench/child.mjs'))
  const cluster = await startCluster(`${flags.dir}/${name}`, {}, script)
  const leader = await findLeader(cluster.children)
  await leader.ask('load', { kind: 'put', inFlight: 1_000, count: shape.keys, ...shape })
  const client = new Child(script)
  await client.ask('connect', { endpoints: cluster.endpoints })
  sides.push({ name, cluster, leader, client })
}

const rows = []
for (const load of LOADS) await compare(load, (side, options) => side.leader.ask('load', options))
await compare(SYNC_LOAD, (side, options) => side.leader.ask('loadSync', options))
for (const load of REMOTE_LOADS) await compare(load, (side, options) => side.client.ask('load', options))
for (const { cluster, client } of sides) {
  await client.close()
  await cluster.close()
}
rmSync(flags.dir, { recursive: true, force: true })
print()

/** Turns of old and new: old, new, new, old, so that neither always follows the other. */
async function compare({ name, ...load }, ask) {
  if (!name.includes(flags.only)) return
  const counts = []
  for (const side of sides) {
    const { perSecond } = await ask(side, { ...load, ...shape, count: Math.ceil(load.count / 5) })
    counts.push(perSecond)
  }
  const count = Math.max(load.inFlight ?? 1, Math.round((Math.min(...counts) * turnMs) / 1e3))
  const seen = sides.map(() => [])
  let first = 0
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0]
    for (const at of order) seen[at].push((await ask(sides[at], { ...load, ...shape, count, first })).perSecond)
    first += count
  }
  const ratios = seen[1].map((rate, round) => rate / seen[0][round]).sort((a, b) => a - b)
  const [oldTime, newTime] = seen.map((rates) => rates.reduce((sum, rate) => sum + 1 / rate, 0))
  const figures = { old: median(seen[0]), new: median(seen[1]), ratio: median(ratios), together: oldTime / newTime }
  rows.push({ name, ...figures, ...interval(ratios) })
  if (!flags.json) process.stderr.write(`${name}: ${median(ratios).toFixed(3)}\n`)
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The ranks around the middle between which the median lies with 95 %, by the normal limit of the binomial. */
function interval(sorted) {
  const reach = 0.98 * Math.sqrt(sorted.length)
  const at = (rank) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(rank)))]
  return { low: at(sorted.length / 2 - reach - 0.5), high: at(sorted.length / 2 + reach - 0.5) }
}

function print() {
  const slower = rows.filter((row) => row.ratio < least)
  if (flags.json) console.log(JSON.stringify({ rounds, turnMs, rows }, null, 2))
  else {
    const whole = (n) => Math.round(n).toLocaleString('en')
    const cells = rows.map((row) => [
      row.name,
      whole(row.old),
      whole(row.new),
      row.ratio.toFixed(3),
      `${row.low.toFixed(3)} to ${row.high.toFixed(3)}`,
      row.together.toFixed(3),
    ])
    console.log(align([['load', 'old per second', 'new per second', 'new / old', 'with 95 %', 'all turns'], ...cells]))
  }
  if (slower.length > 0) process.exitCode = 1
}
