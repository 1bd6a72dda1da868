// How long a member with much data takes to open, after a clean stop and after kill -9.
import { mkdirSync, rmSync } from 'node:fs'
import { Child } from './cluster.mjs'
import { readFlags } from './flags.mjs'

const values = readFlags('node bench/restart.mjs [--bytes 1e9] [--value 1024] [--memory 268435456] [--json]', {
  bytes: { type: 'string', default: '1e9' },
  value: { type: 'string', default: '1024' },
  memory: { type: 'string', default: `${256 << 20}` },
  dir: { type: 'string', default: './data/bench-restart' },
  json: { type: 'boolean', default: false },
})
const valueBytes = Number(values.value)
const count = Math.ceil(Number(values.bytes) / valueBytes)
const options = { dataDir: values.dir, memory: Number(values.memory), requestTimeout: 120_000 }

rmSync(values.dir, { recursive: true, force: true })
mkdirSync(values.dir, { recursive: true })
const load = { kind: 'put', keys: count, count, valueBytes, inFlight: 1000 }

async function openAgain() {
  const child = new Child()
  const start = performance.now()
  await child.ask('open', options)
  const opened = performance.now()
  // Answering is what counts: the replay of the log is part of it.
  const [status] = await child.ask('status')
  // One key: the load makes the names of all its keys first.
  await child.ask('load', { kind: 'get', keys: 1, count: 1, valueBytes, inFlight: 1 })
  return { child, seconds: { open: (opened - start) / 1e3, answer: (performance.now() - start) / 1e3 }, status }
}

try {
  const first = new Child()
  await first.ask('open', options)
  const loaded = await first.ask('load', load)
  await first.close()
  const clean = await openAgain()
  // Something that only the log has.
  await clean.child.ask('load', { ...load, count: Math.ceil(count / 20) })
  clean.child.kill()
  await new Promise((resolve) => setTimeout(resolve, 500))
  const killed = await openAgain()
  await killed.child.close()
  const result = {
    bytes: count * valueBytes,
    diskBytes: killed.status.diskBytes,
    loadSeconds: loaded.ms / 1e3,
    clean: clean.seconds,
    killed: killed.seconds,
  }
  if (values.json) console.log(JSON.stringify(result))
  else {
    const seconds = ({ open, answer }) => `open ${open.toFixed(2)} s, first answer ${answer.toFixed(2)} s`
    console.log(`${(result.bytes / 1e9).toFixed(2)} GB in ${count} keys, ${(result.diskBytes / 1e9).toFixed(2)} GB on disk`)
    console.log(`after a clean stop   ${seconds(result.clean)}\nafter kill -9        ${seconds(result.killed)}`)
  }
} finally {
  rmSync(values.dir, { recursive: true, force: true })
}
