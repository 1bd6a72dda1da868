// How often Rust allocates for a put and for a get, at the leader and at a follower, once all is warm. Builds a binary of its
// own that counts (target/counting); its speed says nothing.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from '../scripts/run.mjs'
import { findLeader, startCluster } from './cluster.mjs'
import { readFlags } from './flags.mjs'
import { align } from './table.mjs'

const flags = readFlags('node bench/allocations.mjs [--json] [--quick] [--sites 20] [--threads] [--no-build] [--dir DIR]', {
  json: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  // So many of the places that allocate most are printed for each load.
  sites: { type: 'string', default: '0' },
  threads: { type: 'boolean', default: false },
  'no-build': { type: 'boolean', default: false },
  dir: { type: 'string', default: 'data/allocations' },
})

const OUTPUT = 'target/counting'
/** One of so many allocations is looked at more closely, if sites are asked for. A prime, so that no pattern is met. */
const SAMPLE_EVERY = 17
const sites = Number(flags.sites)
const share = flags.quick ? 0.2 : 1
const shape = { keys: 100_000, valueBytes: 256 }
const LOADS = [
  { kind: 'put', inFlight: 1, count: 20_000 },
  { kind: 'put', inFlight: 100, count: 400_000 },
  { kind: 'put', inFlight: 1_000, count: 600_000 },
  { kind: 'get', inFlight: 1, count: 20_000 },
  { kind: 'get', inFlight: 100, count: 200_000 },
  { kind: 'get', inFlight: 1_000, count: 200_000 },
]

if (!flags['no-build']) build()
process.env.RAFTERDB_NATIVE = join(root, OUTPUT, 'rafterdb.node')
const results = await measureAll()
if (flags.json) console.log(JSON.stringify(results, null, 2))
else print()

function build() {
  const napi = ['build', '--no-js', '--manifest-path', 'crates/binding/Cargo.toml', '--output-dir', OUTPUT, '--release']
  // What the compiler says goes beside the figures, not among them.
  run('napi', [...napi, '--features', 'count-allocations'], { stdio: ['ignore', 2, 2] })
}

async function measureAll() {
  const cluster = await startCluster(flags.dir)
  const leader = await findLeader(cluster.children)
  const followers = cluster.children.filter((child) => child !== leader)
  // Every key exists, memtables have been filled and flushed, and buffers have grown before anything is counted.
  await leader.ask('load', { kind: 'put', inFlight: 1_000, count: shape.keys * 2, ...shape })
  const results = []
  for (const load of LOADS) results.push(await measure(leader, followers, { ...load, ...shape, count: load.count * share }))
  await cluster.close()
  rmSync(flags.dir, { recursive: true, force: true })
  return results
}

async function measure(leader, followers, load) {
  await leader.ask('load', { ...load, count: Math.ceil(load.count / 4) })
  const all = [leader, ...followers]
  const take = (every) => Promise.all(all.map((child) => child.ask('allocations', { every })))
  const counters = () => Promise.all(all.map(async (child) => (await child.ask('usage')).counters))
  const before = await counters()
  await take(sites > 0 ? SAMPLE_EVERY : 0)
  await leader.ask('load', load)
  const [atLeader, ...atFollowers] = await take(0)
  const [poolOfLeader, ...poolOfFollowers] = (await counters()).map((after, i) => poolUse(before[i], after))
  const { kind, inFlight, count } = load
  return {
    load: `${kind}, ${inFlight.toLocaleString('en')} in flight`,
    leader: { ...perCall([atLeader], count), pool: inAll([poolOfLeader]) },
    follower: { ...perCall(atFollowers, count), pool: inAll(poolOfFollowers) },
  }
}

/** Buffers that a member took from its pool meanwhile, and how many of them were there. */
function poolUse(before, after) {
  const hits = after.poolHits - before.poolHits
  return { hits, takes: hits + after.poolMisses - before.poolMisses }
}

function inAll(uses) {
  const [hits, takes] = ['hits', 'takes'].map((field) => uses.reduce((sum, use) => sum + use[field], 0))
  return { takes, hitShare: takes > 0 ? hits / takes : undefined }
}

/** The mean of members, per call: in all, by thread, and by site. */
function perCall(members, count) {
  const calls = count * members.length
  const sum = (rows, field) => rows.reduce((total, row) => total + row[field], 0) / calls
  const grouped = (rows, name, times, field) =>
    [...groupBy(rows, name)]
      .map(([key, of]) => ({ name: key, allocations: sum(of, field) * times, bytes: sum(of, 'bytes') * times }))
      .filter((row) => row.allocations > 0)
      .sort((a, b) => b.allocations - a.allocations)
  const threads = members.flatMap((member) => member.threads)
  return {
    allocations: sum(threads, 'allocations'),
    bytes: sum(threads, 'bytes'),
    threads: grouped(threads, (row) => row.name, 1, 'allocations'),
    sites: grouped(
      members.flatMap((member) => member.sites),
      (row) => `${row.name}: ${row.site}`,
      SAMPLE_EVERY,
      'samples',
    ),
  }
}

function groupBy(rows, name) {
  const groups = new Map()
  for (const row of rows) {
    const group = groups.get(name(row)) ?? []
    groups.set(name(row), group)
    group.push(row)
  }
  return groups
}

function print() {
  const head = [
    'load',
    'allocations per call: leader',
    'follower',
    'bytes per call: leader',
    'follower',
    'pool hits: leader',
    'follower',
  ]
  const hits = ({ pool: { hitShare, takes } }) => (takes > 0 ? `${(hitShare * 100).toFixed(2)} % of ${takes}` : '')
  const row = ({ load, leader, follower }) => [
    load,
    leader.allocations.toFixed(3),
    follower.allocations.toFixed(3),
    leader.bytes.toFixed(0),
    follower.bytes.toFixed(0),
    hits(leader),
    hits(follower),
  ]
  console.log(align([head, ...results.map(row)]))
  const parts = [...(flags.threads ? [['threads', 50]] : []), ...(sites > 0 ? [['sites', sites]] : [])]
  for (const [part, most] of parts) {
    for (const result of results) {
      for (const member of ['leader', 'follower']) {
        console.log(`\n${result.load}: ${part} of the ${member}; allocations and bytes per call`)
        for (const { name, allocations, bytes } of result[member][part].slice(0, most)) {
          console.log(`${allocations.toFixed(4).padStart(8)} ${bytes.toFixed(0).padStart(7)}  ${name}`)
        }
      }
    }
  }
}
