// A backup of much data under load, full and then followed, and what is restored out of it: to the newest revision, to one in the middle, and to a
// time. Each is compared byte for byte with a model that saw the writes and not the backups. Prints MB/s, and what a backup costs writers.
//   node bench/backup.mjs [--gb 5]
import { spawn } from 'node:child_process'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, open } from 'rafterdb'
import { bytesOf, keyOf, Model } from './backup-model.mjs'
import { startCluster } from './cluster.mjs'
import { readFlags } from './flags.mjs'

const USAGE = 'node bench/backup.mjs [--gb 5] [--value 4096] [--in-flight 64] [--seconds 30] [--keep-history 500000] [--json]'
const flags = readFlags(USAGE, {
  gb: { type: 'string', default: '5' },
  value: { type: 'string', default: '4096' },
  'in-flight': { type: 'string', default: '64' },
  seconds: { type: 'string', default: '30' },
  'keep-history': { type: 'string', default: '500000' },
  dir: { type: 'string', default: 'data/bench-backup' },
  json: { type: 'boolean', default: false },
})
const CLI = fileURLToPath(new URL('../dist/server/main.js', import.meta.url))
const FILL_IN_FLIGHT = 256
/** One write in so many is a delete. */
const DELETES = 16
const MB = 1e6

const valueBytes = Number(flags.value)
const keys = Math.max(64, Math.ceil((Number(flags.gb) * 1e9) / valueBytes))
const window = Number(flags.seconds) * 1_000
const backups = join(flags.dir, 'backups')
const model = new Model(keys, valueBytes)
const say = (line) => flags.json || process.stderr.write(`${line}\n`)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Writes without end, each key's writes one after the other, and notes what was acknowledged. */
class Load {
  writes = 0
  /** Highest revision that was acknowledged. */
  revision = 0
  #isOver = false
  #done

  constructor(db, inFlight) {
    const lanes = Math.min(inFlight, keys)
    this.#done = Promise.all(Array.from({ length: lanes }, (_, lane) => this.#run(db, lane, lanes)))
  }

  async stop() {
    this.#isOver = true
    await this.#done
  }

  /** Writes a second, over that time. */
  async rate(ms) {
    const [before, began] = [this.writes, performance.now()]
    await sleep(ms)
    return ((this.writes - before) / (performance.now() - began)) * 1e3
  }

  async #run(db, lane, lanes) {
    const own = Math.ceil((keys - lane) / lanes)
    for (let n = lane * 7_919; !this.#isOver; n += 104_729) {
      const index = lane + lanes * (n % own)
      if (n % DELETES === 0) {
        const { revision, deleted } = await db.delete(keyOf(index))
        if (deleted > 0) this.#noted(revision, index, 0)
      } else {
        const write = ++model.next[index]
        this.#noted((await db.put(keyOf(index), bytesOf(index, write, valueBytes))).revision, index, write)
      }
    }
  }

  #noted(revision, index, write) {
    model.wrote(revision, index, write)
    this.writes++
    this.revision = Math.max(this.revision, revision)
  }
}

async function fill(db) {
  let next = 0
  const run = async () => {
    for (let index = next++; index < keys; index = next++) {
      const write = ++model.next[index]
      model.wrote((await db.put(keyOf(index), bytesOf(index, write, valueBytes))).revision, index, write)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, run))
  return performance.now() - began
}

/** Runs a command line to its end; resolves to how long it took and what it printed. `until`: sent SIGINT then. */
async function command(args, until) {
  const began = performance.now()
  const child = spawn(process.execPath, [CLI, ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk) => (text += chunk))
  const gone = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)))
  void until?.then(() => child.kill('SIGINT'))
  const code = await gone
  if (code !== 0) throw new Error(`rafterdb ${args.join(' ')} ended with ${code}`)
  const lines = text.trim().split('\n').filter(Boolean)
  return { ms: performance.now() - began, results: lines.map((line) => JSON.parse(line)) }
}

/** Restores to a target, and compares every byte. */
async function restore(name, target, checkRevision) {
  const dataDir = join(flags.dir, `restored-${name.replaceAll(' ', '-')}`)
  const { ms, results } = await command(['restore', backups, '--data-dir', dataDir, ...target])
  const revision = results[0].restoredRevision
  checkRevision(revision)
  const db = await open({ dataDir, log: 'off', requestTimeout: 120_000 })
  try {
    const { pairs, bytes, hash } = await model.compare(db, revision)
    say(`restored ${name}: revision ${revision}, ${pairs} pairs equal to the model, ${(bytes / MB / (ms / 1e3)).toFixed(1)} MB/s`)
    return { name, revision, pairs, bytes, hash, seconds: ms / 1e3, mbPerSecond: bytes / MB / (ms / 1e3) }
  } finally {
    await db.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

const must = (holds, text) => {
  if (!holds) throw new Error(text)
}

/** Under load: a full backup, and what follows it until the load is over. */
async function makeBackups(cluster, db) {
  const to = ['backup', backups, '--endpoints', cluster.endpoints.join()]
  const load = new Load(db, Number(flags['in-flight']))
  await sleep(window / 10)
  const quiet = await load.rate(window)
  const [fullWrites, began] = [load.writes, performance.now()]
  const full = await command([...to, '--full'])
  const busy = ((load.writes - fullWrites) / (performance.now() - began)) * 1e3
  const [made] = full.results
  say(
    `full backup: ${made.pairs} pairs in ${(full.ms / 1e3).toFixed(1)} s, ${((made.pairs * valueBytes) / MB / (full.ms / 1e3)).toFixed(1)} MB/s`,
  )
  let [stop, issued] = [() => {}, 0]
  const over = new Promise((resolve) => (stop = resolve))
  const following = command([...to, '--follow', '--interval', '5s'], over)
  await sleep(window / 2)
  await sleep(5_000)
  const [time, acknowledged] = [Date.now(), load.revision]
  await sleep(100)
  issued = load.revision
  const followed = await load.rate(window / 2)
  await load.stop()
  await sleep(7_000)
  stop()
  const { results } = await following
  const incremental = await command(to)
  const last = [...results, ...incremental.results].filter(({ bytes }) => bytes > 0).at(-1)
  return {
    made,
    fullMs: full.ms,
    quiet,
    busy,
    followed,
    time,
    acknowledged,
    issued,
    last,
    end: load.revision,
    count: results.length,
  }
}

async function main() {
  const keep = Number(flags['keep-history'])
  const cluster = await startCluster(flags.dir, { history: { keep }, requestTimeout: 120_000 })
  const db = await connect({ endpoints: cluster.endpoints, requestTimeout: 120_000 })
  const fillMs = await fill(db)
  say(`filled with ${((keys * valueBytes) / 1e9).toFixed(2)} GB in ${(fillMs / 1e3).toFixed(0)} s`)
  const of = await makeBackups(cluster, db)
  await db.close()
  await cluster.close()
  for (const name of ['a', 'b', 'c']) rmSync(join(flags.dir, name), { recursive: true, force: true })
  const files = readdirSync(backups).map((name) => statSync(join(backups, name)).size)
  const verified = await command(['verify', backups])
  must(of.last.revision >= of.end, `the backups end at ${of.last.revision}, and ${of.end} was acknowledged`)
  const middle = Math.floor((of.made.revision + of.last.revision) / 2)
  const restores = [
    await restore('the newest', [], (at) => must(at === of.last.revision, `the newest is ${of.last.revision}, not ${at}`)),
    await restore('a revision', ['--revision', String(middle)], (at) => must(at === middle, `revision ${middle}, not ${at}`)),
    // Nothing noted by then was acknowledged later; how far what follows is behind is a figure, as it depends on the machine.
    await restore('a time', ['--time', new Date(of.time).toISOString()], (at) =>
      must(
        at >= of.made.revision && at <= of.issued,
        `the time's revision is from ${of.made.revision} to ${of.issued}, not ${at}`,
      ),
    ),
    await restore('the full one', ['--revision', String(of.made.revision)], (at) =>
      must(at === of.made.revision, 'another revision'),
    ),
  ]
  print({ of, files, verified, restores, fillMs })
}

function print({ of, files, verified, restores, fillMs }) {
  const bytes = of.made.pairs * valueBytes
  const stored = files.reduce((sum, size) => sum + size, 0)
  const result = {
    gb: (keys * valueBytes) / 1e9,
    fillMbPerSecond: (keys * valueBytes) / MB / (fillMs / 1e3),
    full: { pairs: of.made.pairs, seconds: of.fullMs / 1e3, mbPerSecond: bytes / MB / (of.fullMs / 1e3) },
    incrementals: of.count,
    /** Revisions that were acknowledged at the time, and noted later. */
    revisionsBehind: Math.max(0, of.acknowledged - restores[2].revision),
    storedBytes: stored,
    writesPerSecond: { before: of.quiet, during: of.busy, following: of.followed },
    ratio: { during: of.busy / of.quiet, following: of.followed / of.quiet },
    verifyMbPerSecond: stored / MB / (verified.ms / 1e3),
    restores,
  }
  if (flags.json) return console.log(JSON.stringify(result))
  const rate = (n) => Math.round(n).toLocaleString('en-US')
  console.log(`${result.gb.toFixed(2)} GB in ${keys} keys; ${files.length} backups, ${(stored / 1e9).toFixed(2)} GB`)
  console.log(`full backup under load    ${result.full.mbPerSecond.toFixed(1)} MB/s, ${result.full.seconds.toFixed(1)} s`)
  console.log(
    `writes a second           ${rate(of.quiet)} before, ${rate(of.busy)} during (${Math.round(100 * result.ratio.during)} %), ${rate(of.followed)} followed (${Math.round(100 * result.ratio.following)} %)`,
  )
  console.log(`verify                    ${result.verifyMbPerSecond.toFixed(1)} MB/s`)
  for (const { name, revision, pairs, mbPerSecond, hash } of restores) {
    console.log(
      `restore to ${name.padEnd(14)} ${mbPerSecond.toFixed(1)} MB/s, revision ${revision}: ${pairs} pairs as the model has them, ${hash.slice(0, 16)}`,
    )
  }
}

try {
  await main()
} finally {
  rmSync(flags.dir, { recursive: true, force: true })
}
