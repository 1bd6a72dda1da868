// What writes lose while a member learns what the others hold: one that joins, and one that comes back after the log it needs was cut.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'rafterdb'
import { Child, freePort, startCluster } from './cluster.mjs'
import { readFlags } from './flags.mjs'
import { keyOf, payloadOf } from './load.mjs'

const USAGE = `node bench/newcomer.mjs [--gb 5] [--value 4096] [--away-mb 400] [--seconds 10] [--in-flight 64] [--rate BYTES]
                            [--memory 268435456] [--log 268435456] [--history 10000] [--least RATIO] [--json]
Three members hold so many gigabytes of values and are written to; a fourth one joins, stops, and comes back after --away-mb more (0: it does not).
The fourth is sent all at first, and then what it lacks if --history revisions hold what was written while it was away.
Prints writes a second before, meanwhile and after. --least: ends with 1 if less than this share of them is left. --gb 0.1 takes a minute.`

const values = readFlags(USAGE, {
  gb: { type: 'string', default: '5' },
  value: { type: 'string', default: '4096' },
  'away-mb': { type: 'string', default: '400' },
  seconds: { type: 'string', default: '10' },
  'in-flight': { type: 'string', default: '64' },
  rate: { type: 'string' },
  memory: { type: 'string', default: `${256 << 20}` },
  // With much less the log that a member needs goes while it installs, and it begins anew; with more it comes back without a snapshot.
  log: { type: 'string', default: `${256 << 20}` },
  history: { type: 'string', default: '10000' },
  dir: { type: 'string', default: './data/bench-newcomer' },
  least: { type: 'string', default: '0' },
  json: { type: 'boolean', default: false },
})
const valueBytes = Number(values.value)
const beforeMs = Number(values.seconds) * 1e3
const options = {
  memory: Number(values.memory),
  history: { keep: Number(values.history) },
  logRetainBytes: Number(values.log),
  requestTimeout: 600_000,
  ...(values.rate === undefined ? {} : { snapshotBytesPerSecond: Number(values.rate) }),
}

/** Writers that never stop, and how often they were answered. */
class Writers {
  done = 0
  #stopped = false
  #all

  constructor(db, inFlight) {
    const value = payloadOf(256)
    const worker = async (at) => {
      for (let n = at; !this.#stopped; n += inFlight) {
        await db.put(`write/${keyOf(n % 100_000)}`, value)
        this.done++
      }
    }
    this.#all = Promise.all(Array.from({ length: inFlight }, (_, at) => worker(at)))
  }

  async stop() {
    this.#stopped = true
    await this.#all
  }
}

/** Bytes that compress to no less, from which values are cut at places that do not come again soon. */
const noise = randomBytes(64 << 20)

/** Writes so many bytes under names of their own. */
async function fill(db, prefix, bytes) {
  const count = Math.ceil(bytes / valueBytes)
  let next = 0
  const worker = async () => {
    while (next < count) {
      const n = next++
      const at = (n * (valueBytes + 1)) % (noise.length - valueBytes)
      await db.put(`${prefix}/${keyOf(n)}`, noise.subarray(at, at + valueBytes))
    }
  }
  await Promise.all(Array.from({ length: 256 }, worker))
}

function sizeOf(path) {
  try {
    return readdirSync(path, { withFileTypes: true }).reduce(
      (sum, entry) => sum + (entry.isDirectory() ? sizeOf(join(path, entry.name)) : statSync(join(path, entry.name)).size),
      0,
    )
  } catch {
    return 0
  }
}

/** Times that a snapshot has become the member's store. */
function installed(dataDir) {
  try {
    const current = readFileSync(join(dataDir, 'groups', '0000', 'CURRENT'), 'utf8')
    return Number(/^rafterdb-store \d+ (\d+)$/m.exec(current)?.[1]) - 1
  } catch {
    return 0
  }
}

/** Writes a second of the moments in which a member only receives, those in which it installs, and all, while `learning` goes on. */
async function watch(writers, dataDir, learning) {
  const had = installed(dataDir)
  const phases = { receiving: { done: 0, ms: 0 }, installing: { done: 0, ms: 0 } }
  let over = false
  const ended = learning.finally(() => {
    over = true
  })
  const start = performance.now()
  let received = 0
  let phase = 'receiving'
  let [done, at] = [writers.done, start]
  while (!over) {
    await Promise.race([sleep(50), ended])
    const bytes = sizeOf(join(dataDir, 'snapshots'))
    const now = performance.now()
    phases[phase].done += writers.done - done
    phases[phase].ms += now - at
    phase = bytes > received || received === 0 ? 'receiving' : 'installing'
    received = Math.max(received, bytes)
    ;[done, at] = [writers.done, now]
  }
  await ended
  const perSecond = (some) => {
    const ms = some.reduce((sum, { ms }) => sum + ms, 0)
    return ms === 0 ? 0 : (some.reduce((sum, { done }) => sum + done, 0) / ms) * 1e3
  }
  return {
    seconds: (performance.now() - start) / 1e3,
    receivedBytes: received,
    snapshots: installed(dataDir) - had,
    perSecond: perSecond(Object.values(phases)),
    receiving: perSecond([phases.receiving]),
    installing: perSecond([phases.installing]),
  }
}

async function measured(writers) {
  const [done, start] = [writers.done, performance.now()]
  await sleep(beforeMs)
  return ((writers.done - done) / (performance.now() - start)) * 1e3
}

/** Resolves when the member has applied what was committed when this was called. */
async function caughtUp(db, name) {
  const target = Math.max(...(await db.status()).map(({ committed }) => committed))
  for (;;) {
    const status = (await db.status()).find((member) => member.name === name)
    if (status !== undefined && status.applied >= target) return
    await sleep(50)
  }
}

/** Held against the mean of before and after, as a machine is not equally quick all the time. */
function report(what, before, during, after) {
  const without = (before + after) / 2
  const ratio = during.perSecond / without
  const of = (perSecond) => (perSecond === 0 ? '–' : `${((perSecond / without) * 100).toFixed(0)} %`)
  if (!values.json) {
    console.log(
      `${what}: ${during.seconds.toFixed(1)} s, ${(during.receivedBytes / 1e6).toFixed(1)} MB received, ${during.snapshots} snapshots; ` +
        `${before.toFixed(0)} writes/s before, ${after.toFixed(0)} after, ${during.perSecond.toFixed(0)} meanwhile: ${of(during.perSecond)} ` +
        `(while it receives ${of(during.receiving)}, while it installs ${of(during.installing)})`,
    )
  }
  return { before, after, ...during, ratio }
}

rmSync(values.dir, { recursive: true, force: true })
mkdirSync(values.dir, { recursive: true })
const cluster = await startCluster(values.dir, options)
const newcomer = {
  name: 'd',
  join: cluster.endpoints,
  listen: `127.0.0.1:${await freePort()}`,
  dataDir: join(values.dir, 'd'),
  ...options,
}
let child = new Child()
const db = await connect({ endpoints: cluster.endpoints, requestTimeout: 600_000 })
try {
  await fill(db, 'fill', Number(values.gb) * 1e9)
  const writers = new Writers(db, Number(values['in-flight']))
  await sleep(beforeMs / 2)
  const results = {}
  let before = await measured(writers)
  let during = await watch(writers, newcomer.dataDir, child.ask('open', newcomer))
  results.newcomer = report('a newcomer', before, during, await measured(writers))
  if (Number(values['away-mb']) > 0) {
    await child.close()
    await fill(db, 'away', Number(values['away-mb']) * 1e6)
    // A follower that was restored may be silent for ten election timeouts before the log that it needs goes.
    await sleep(8_000)
    await fill(db, 'more', 40e6)
    before = await measured(writers)
    child = new Child()
    const back = child.ask('open', newcomer).then(() => caughtUp(db, 'd'))
    during = await watch(writers, newcomer.dataDir, back)
    results.back = report('one that was away', before, during, await measured(writers))
  }
  await writers.stop()
  if (values.json) console.log(JSON.stringify(results))
  if (Object.values(results).some(({ ratio }) => ratio < Number(values.least))) process.exitCode = 1
} finally {
  await db.close()
  await child.close().catch(() => {})
  await cluster.close()
  rmSync(values.dir, { recursive: true, force: true })
}
