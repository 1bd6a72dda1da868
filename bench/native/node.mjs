// The Node half of the bench: measures every case with tinybench, ours and npm's in turn, and sends the figures to its parent.
//   node bench/native/node.mjs [--quick] [--only TEXT]      prints them as JSON
import { hashPath } from 'rafterdb/native'
import { Bench } from 'tinybench'
import { readFlags } from '../flags.mjs'
import { cases } from './cases.mjs'

const flags = readFlags('node bench/native/node.mjs [--quick] [--only TEXT]', {
  quick: { type: 'boolean', default: false },
  only: { type: 'string', default: '' },
})

const ROUNDS = flags.quick ? 2 : 7
const ROUND_MS = flags.quick ? 15 : 60
/** Calls of one sample take about so long, so that the clock's own time does not count. */
const SAMPLE_NS = 40_000

let sink = 0

/** Runs `call` so often that a sample is long enough. */
function repeated(call) {
  let times = 1
  for (;;) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < times; i++) sink += call() ?? 0
    if (Number(process.hrtime.bigint() - start) >= SAMPLE_NS || times > 1e6) break
    times *= 2
  }
  const loop = () => {
    for (let i = 0; i < times; i++) sink += call() ?? 0
  }
  return { loop, times }
}

/** One row: for each function the median and the minimum of ns a call, over rounds in which they take turns. */
async function measure(functions) {
  const prepared = Object.entries(functions).map(([name, call]) => ({ name, ...repeated(call), p50: [], min: [] }))
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of prepared) {
      const bench = new Bench({ time: ROUND_MS, warmupTime: round === 0 ? ROUND_MS : 5, iterations: 5, warmupIterations: 2 })
      bench.add(one.name, one.loop)
      await bench.run()
      const { result } = bench.tasks[0]
      if (!result?.latency) throw new Error(`${one.name}: ${result?.error ?? 'not measured'}`)
      one.p50.push((result.latency.p50 * 1e6) / one.times)
      one.min.push((result.latency.min * 1e6) / one.times)
    }
  }
  const entry = ({ name, p50, min }) => [name, { ns: p50.sort((a, b) => a - b)[p50.length >> 1], min: Math.min(...min) }]
  return Object.fromEntries(prepared.map(entry))
}

/** What figures are related to: work of the processor that does not change with our code. */
function reference() {
  let state = sink | 1
  for (let i = 0; i < 256; i++) state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
  return state & 1
}

/** The figures of one case; `best` is the fastest of the others. */
async function figuresOf({ row, bytes, elements, ours, rivals }) {
  const { ours: own, reference: related, ...others } = await measure({ ours, reference, ...rivals })
  const named = Object.entries(others).map(([name, { ns }]) => ({ name, ns }))
  const best = named.sort((a, b) => a.ns - b.ns)[0]
  return { row, bytes, elements, ...own, reference: related.min, best, others: named }
}

const rows = []
for (const one of cases.filter(({ row }) => row.includes(flags.only))) rows.push(await figuresOf(one))
console.log(JSON.stringify({ path: hashPath(), rows, sink: sink % 2 }))
