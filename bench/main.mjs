// The side-by-side bench: three members in three processes with real syncs, and the reference etcd in the same run.
// Prints medians of the runs. Figures of a shared machine: compare within one table only.
import { readFileSync, rmSync } from 'node:fs'
import { Child, findLeader, startCluster } from './cluster.mjs'
import { startEtcd } from './etcd.mjs'
import { readFlags } from './flags.mjs'
import { LOADS, REMOTE_LOADS, SYNC_LOAD, shape as shapeOf, WARM_UP } from './loads.mjs'
import { table } from './table.mjs'

const flags = readFlags('node bench/main.mjs [--json] [--quick] [--runs 5] [--etcd DIR] [--no-etcd]', {
  json: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  runs: { type: 'string' },
  dir: { type: 'string', default: 'data/bench' },
  etcd: { type: 'string', default: '../shared/etcd' },
  'no-etcd': { type: 'boolean', default: false },
})

const runs = Number(flags.runs ?? (flags.quick ? 1 : 5))
const share = flags.quick ? 0.1 : 1
const shape = shapeOf(flags)
const calls = (count) => Math.ceil(count * share)
const etcdBin = 'target/etcd'

const ETCD_LOADS = [
  { name: 'etcd put, 1 client', op: 'put', clients: 1, total: calls(5_000) },
  { name: 'etcd put, 1,000 clients', op: 'put', clients: 1_000, total: calls(60_000) },
  { name: 'etcd get, 1,000 clients', op: 'get', clients: 1_000, total: calls(60_000) },
]

const rows = new Map()
const record = (name, result) => rows.set(name, [...(rows.get(name) ?? []), result])
const say = (line) => flags.json || process.stderr.write(`${line}\n`)

for (let run = 1; run <= runs; run++) {
  say(`run ${run} of ${runs}`)
  await runOurs()
  if (!flags['no-etcd']) await runEtcd()
}
rmSync(flags.dir, { recursive: true, force: true })
print()

/** Bytes that a process has caused to be written to disk; 0 where the system does not tell. */
function writtenBytes(pid) {
  try {
    return Number(/write_bytes: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

async function runOurs() {
  const cluster = await startCluster(`${flags.dir}/ours`)
  const { children } = cluster
  const leader = await findLeader(children)
  // Every key exists before anything is measured.
  await leader.ask('load', { kind: 'put', inFlight: 1_000, count: shape.keys, ...shape })
  for (const load of LOADS) record(load.name, await measure(children, leader, load))
  record(SYNC_LOAD.name, await leader.ask('loadSync', { ...shape, count: calls(SYNC_LOAD.count) }))
  const client = new Child()
  await client.ask('connect', { endpoints: cluster.endpoints })
  for (const load of REMOTE_LOADS) record(load.name, await measure(children, client, load))
  await client.close()
  await cluster.close()
}

async function measure(children, driver, { count, ...shapeOfLoad }) {
  const load = { ...shapeOfLoad, count: calls(count) }
  await driver.ask('load', { ...load, ...shape, count: Math.ceil(load.count * WARM_UP) })
  const processes = children.includes(driver) ? children : [...children, driver]
  const before = await Promise.all(processes.map((child) => child.ask('usage')))
  const bytes = children.map((child) => writtenBytes(child.pid))
  const result = await driver.ask('load', { ...load, ...shape })
  const after = await Promise.all(processes.map((child) => child.ask('usage')))
  const cpuMs = after.reduce((sum, usage, i) => sum + usage.cpuMs - before[i].cpuMs, 0)
  const written = children.reduce((sum, child, i) => sum + writtenBytes(child.pid) - bytes[i], 0)
  const stored = load.kind === 'put' ? load.count * (shape.valueBytes + 14) * children.length : 0
  const crossings = Object.values(result.counters).length > 0 ? crossingsPerSecond(result) : undefined
  return { ...result, cores: cpuMs / result.ms, writeAmplification: stored ? written / stored : undefined, crossings }
}

/** Calls from JavaScript into Rust and back, per second: they must not grow with the operations. */
function crossingsPerSecond({ counters, ms }) {
  const { submissions = 0, drains = 0, exchanges = 0 } = counters
  return ((submissions + drains + exchanges) / ms) * 1e3
}

async function runEtcd() {
  const etcd = await startEtcd(flags.etcd, etcdBin, `${flags.dir}/etcd`)
  if (!etcd) return say(`no reference etcd: ${flags.etcd} is not there`)
  try {
    await etcd.put({ clients: 1_000, total: calls(20_000), ...shape })
    for (const { name, op, ...load } of ETCD_LOADS) record(name, await etcd[op]({ ...load, ...shape }))
  } finally {
    await etcd.stop()
  }
}

function median(numbers) {
  const known = numbers.filter((n) => n !== undefined).sort((a, b) => a - b)
  return known.length === 0 ? undefined : known[known.length >> 1]
}

function print() {
  const figures = [...rows].map(([name, results]) => {
    const of = (field) => median(results.map((result) => result[field]))
    return {
      name,
      runs: results.length,
      perSecond: of('perSecond'),
      p50: of('p50'),
      p99: of('p99'),
      cores: of('cores'),
      writeAmplification: of('writeAmplification'),
      crossings: of('crossings'),
    }
  })
  const figure = (name) => figures.find((row) => row.name === name)
  const ratio = (ours, theirs, field) => {
    const [a, b] = [figure(ours)?.[field], figure(theirs)?.[field]]
    return a && b ? a / b : undefined
  }
  const ratios = {
    'put throughput against etcd, 1,000 in flight': ratio('put, 1,000 in flight', 'etcd put, 1,000 clients', 'perSecond'),
    'put p50 against etcd, 1 in flight': ratio('put, 1 in flight', 'etcd put, 1 client', 'p50'),
    'remote get throughput against etcd, 1,000 in flight': ratio(
      'remote get, 1,000 in flight',
      'etcd get, 1,000 clients',
      'perSecond',
    ),
  }
  if (flags.json)
    console.log(
      JSON.stringify({ machine: { node: process.version, platform: process.platform }, shape, runs, figures, ratios }, null, 2),
    )
  else console.log(table(figures, ratios))
}
