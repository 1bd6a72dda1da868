// Puts beside compares, counts and a delete over very many keys: what one entry of another client costs them. One member in a
// process of its own would hide nothing: the keys are loaded, looked at and deleted through the same log as the puts. Of the entry that
// took longest so far it prints how long, how much of a processor that was, and the longest waits: see `counters` in src/client/api.ts.
import { mkdirSync, rmSync } from 'node:fs'
import { compare, del, open, put, range } from 'rafterdb'
import { readFlags } from './flags.mjs'
import { load, payloadOf } from './load.mjs'

const values = readFlags('node bench/large-entries.mjs [--keys 1e6] [--in-flight 1000] [--puts 300000] [--dir DIR] [--json]', {
  keys: { type: 'string', default: '1e6' },
  'in-flight': { type: 'string', default: '1000' },
  puts: { type: 'string', default: '300000' },
  dir: { type: 'string', default: './data/bench-large-entries' },
  json: { type: 'boolean', default: false },
})
const keys = Number(values.keys)
const inFlight = Number(values['in-flight'])
const all = { prefix: 'large/' }
const WAITS = ['flush', 'history', 'tables', 'key_order', 'dead_stretches']
const value = payloadOf(100)

rmSync(values.dir, { recursive: true, force: true })
mkdirSync(values.dir, { recursive: true })
const db = await open({ dataDir: values.dir, requestTimeout: 120_000 })

const key = (n) => `large/${String(n).padStart(9, '0')}`
const fill = () => load((n) => db.put(key(n), value), { count: keys, inFlight: 2000 })
const puts = () => load((n) => db.put(`small/${n % 100_000}`, value), { count: Number(values.puts), inFlight })

const several = (count, one) => Array.from({ length: count }, (_, n) => one(n))
const span = (first, count) => ({ from: key(first), to: key(first + count) })
/** As many operations on ranges as one entry may have: in two transactions inside of one, each with as many as it may. */
const nested = (one) =>
  db
    .txn()
    .then(...several(2, (half) => ({ type: 'txn', if: [], then: several(63, (n) => one(63 * half + n)), else: [] })))
    .commit()
const tenth = Math.floor(keys / 10)

/** What of all that passes the gate takes an entry the longest. */
const worst = {
  'small puts, as many as may be': () => Promise.all(several(4096, (n) => db.put(`s${n}`, 'v'))),
  '64 compares and 64 ranges': () =>
    db
      .txn()
      .if(...several(64, (n) => compare(span(n * 100, 20), 'version', '>', 0)))
      .then(...several(64, (n) => range(span(n * 100, tenth))))
      .commit(),
  'compares of 3,900 keys, and puts': () =>
    db
      .txn()
      .if(compare(span(tenth, 3900), 'version', '>', 0))
      .then(...several(128, (n) => put(`t${n}`, 'v')))
      .commit(),
  'a range of all': () => db.txn().then(range(all)).commit(),
  '126 deletes of 8 keys': () => nested((n) => del(span(tenth + n * 8, 8))),
  '126 deletes of 500 keys': () =>
    nested((n) => del(span(2 * tenth + n * Math.floor(tenth / 126), Math.min(500, Math.floor(tenth / 126))))),
  'with the pairs, large': () => nested((n) => del(span(4 * tenth + n * 100, tenth), { previous: true })),
}

/** The puts, with something else beside them; how long that took, in ms, or how it was refused. */
async function beside(other) {
  const running = puts()
  const start = performance.now()
  const said = await other().then(
    () => '',
    (error) => error.code,
  )
  const otherMs = performance.now() - start
  return { ...(await running), otherMs, said, ...longest() }
}

/** The longest times so far that an entry took, that it had a processor, and that it waited, in ms. */
function longest() {
  const counters = db.counters()
  const ms = (name) => Math.round(counters[`rafterdb_apply_longest_${name}_seconds{group="0"}`] * 1e4) / 10
  const waits = Object.fromEntries(WAITS.map((name) => [name, ms(`${name}_wait`)]))
  return { applyMs: ms('duration'), processorMs: ms('processor'), waits }
}

/** Nothing beside what is done; how long that took. */
async function alone(what) {
  const start = performance.now()
  const { p50, p99, max } = await what()
  return { p50, p99, max, otherMs: performance.now() - start, said: '', ...longest() }
}

async function besideEach(others) {
  const results = {}
  for (const [name, other] of Object.entries(others)) results[name] = await beside(other)
  return results
}

/** Keys that were deleted one by one, and are not compacted: none is left to be found, and all of them are to be passed. */
async function besideDead() {
  const before = {
    'keys made again': await alone(fill),
    'each deleted alone': await alone(() => load((n) => db.delete(key(n)), { count: keys, inFlight: 2000 })),
    'puts alone after that': await alone(puts),
  }
  const beside = await besideEach({
    'a compare over dead keys': () =>
      db
        .txn()
        .if(compare(all, 'version', '=', 0))
        .then(put('done', 'v'))
        .commit(),
    'a range over dead keys': () => db.txn().then(range(all)).commit(),
    '126 deletes over dead keys': () => nested((n) => del(span(n * 100, tenth))),
    'a delete over dead keys': () => db.delete(all),
  })
  return { ...before, ...beside }
}

try {
  await fill()
  await puts()
  const results = {
    'puts alone': await alone(puts),
    'a compare over all': await beside(() =>
      db
        .txn()
        .if(compare(all, 'version', '>', 0))
        .then(range({ ...all, limit: 1 }))
        .commit(),
    ),
    'a count in a transaction': await beside(() =>
      db
        .txn()
        .then(range({ ...all, limit: 1 }))
        .commit(),
    ),
    'a count': await beside(() => db.count(all)),
    ...(await besideEach(worst)),
    'a delete of all': await beside(() => db.delete(all)),
    'a count after it': await beside(() => db.count(all)),
    'a delete after it': await beside(() => db.delete(all)),
    ...(await besideDead()),
  }
  if (values.json) console.log(JSON.stringify(results))
  else {
    const ms = (number) => number.toFixed(1).padStart(9)
    console.log(
      `${keys} keys, ${inFlight} puts in flight; ms${' '.repeat(10)}p50      p99      max    itself     apply processor  so far the longest, and waits`,
    )
    for (const [name, { p50, p99, max, otherMs, applyMs, processorMs, waits, said }] of Object.entries(results)) {
      const times = [p50, p99, max, otherMs, applyMs, processorMs].map(ms).join('')
      const waited = WAITS.filter((name) => waits[name] >= 1).map((name) => `${name} ${waits[name]}`)
      console.log(`${name.padEnd(32)}${times}  ${waited.join(', ')} ${said}`)
    }
  }
} finally {
  await db.close()
  rmSync(values.dir, { recursive: true, force: true })
}
