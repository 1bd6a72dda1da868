// Peak resident memory of a member while much more than its memory is loaded: by a client in a process of its own, or with
// --embedded in the member's process, where what the load leaves to V8's garbage collector counts too.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { Child, freePort } from './cluster.mjs'
import { readFlags } from './flags.mjs'

const values = readFlags('node bench/memory.mjs [--bytes 5e9] [--value 1024] [--memory 536870912] [--embedded] [--json]', {
  bytes: { type: 'string', default: '5e9' },
  value: { type: 'string', default: '1024' },
  memory: { type: 'string', default: `${512 << 20}` },
  dir: { type: 'string', default: './data/bench-memory' },
  embedded: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
})
const valueBytes = Number(values.value)
const count = Math.ceil(Number(values.bytes) / valueBytes)
/** The load is cut into parts, so that the figures show where memory goes. */
const PARTS = 10

function residentMiB(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024
  return { now: of('VmRSS'), peak: of('VmHWM') }
}

rmSync(values.dir, { recursive: true, force: true })
mkdirSync(values.dir, { recursive: true })
const child = new Child()
const loader = values.embedded ? child : new Child()
try {
  const listen = `127.0.0.1:${await freePort()}`
  await child.ask('open', { dataDir: values.dir, memory: Number(values.memory), listen, requestTimeout: 120_000 })
  if (loader !== child) await loader.ask('connect', { endpoints: [listen], requestTimeout: 120_000 })
  const atStart = residentMiB(child.pid)
  const parts = []
  for (let part = 0; part < PARTS; part++) {
    const each = Math.ceil(count / PARTS)
    const { ms } = await loader.ask('load', {
      kind: 'put',
      keys: count,
      first: part * each,
      count: each,
      valueBytes,
      inFlight: 200,
    })
    const { now, peak } = residentMiB(child.pid)
    parts.push({ bytes: (part + 1) * each * valueBytes, seconds: ms / 1e3, now, peak })
    if (!values.json)
      console.log(
        `${(((part + 1) * each * valueBytes) / 1e9).toFixed(1)} GB  resident ${now.toFixed(0)} MiB, peak ${peak.toFixed(0)} MiB`,
      )
  }
  const result = {
    bytes: count * valueBytes,
    memoryMiB: Number(values.memory) / (1 << 20),
    startMiB: atStart.now,
    peakMiB: parts.at(-1).peak,
    parts,
  }
  if (values.json) console.log(JSON.stringify(result))
  else
    console.log(
      `memory ${result.memoryMiB} MiB: peak ${result.peakMiB.toFixed(0)} MiB, of it ${result.startMiB.toFixed(0)} MiB at start`,
    )
  if (loader !== child) await loader.close()
  await child.close()
} finally {
  loader.kill()
  child.kill()
  rmSync(values.dir, { recursive: true, force: true })
}
