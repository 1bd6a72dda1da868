// What the client itself costs: calls a second on one core, over a port that answers at once and does nothing.
// Run after `npm run build:ts`: `node bench/client-overhead.mjs [--json] [part of a case's name]`. RAFTERDB_DIST names another build.
import { pathToFileURL } from 'node:url'

const dist = process.env.RAFTERDB_DIST ? pathToFileURL(`${process.env.RAFTERDB_DIST}/`) : new URL('../dist/', import.meta.url)
const { createEmbedded } = await import(new URL('client/database/create-database.js', dist).href)

const HEADER_BYTES = 16
const VALUE_BYTES = 256
const ROUNDS = 5
const ROUND_MS = 500

/** Answers every WRITE as plain puts and every READ with the same pair. */
class NullPort {
  submissions = 0
  #waiting = []
  #revision = 1
  #pair

  constructor(notify) {
    this.notify = notify
    const pair = Buffer.alloc(16 + 12 + 40 + 16 + VALUE_BYTES, 0x61)
    pair.fill(0, 0, 16 + 12 + 40)
    pair.writeUInt8(5, 2)
    pair.writeUInt32LE(pair.length - 16, 4)
    pair.writeUInt32LE(1, 16)
    pair.writeUInt32LE(1, 24)
    pair.writeUInt32LE(16, 28)
    pair.writeUInt32LE(VALUE_BYTES, 32)
    this.#pair = pair
  }

  submit(buffer, length) {
    this.submissions++
    for (let at = 0; at < length; at += HEADER_BYTES + buffer.readUInt32LE(at)) {
      const isWrite = buffer[at + 4] === 1
      const count = buffer.readUInt32LE(at + (isWrite ? 44 : 20))
      const body = isWrite ? 12 : count * this.#pair.length
      const response = Buffer.allocUnsafe(HEADER_BYTES + body)
      response.writeUInt32LE(body, 0)
      response.writeUInt32LE(buffer[at + 4] | (isWrite ? 0x100 : 0), 4)
      buffer.copy(response, 8, at + 8, at + 16)
      if (isWrite) {
        response.writeDoubleLE(0, 16)
        response.writeUInt32LE(this.#revision, 16)
        response.writeUInt32LE(count, 24)
        this.#revision += count
      } else for (let i = 0; i < count; i++) response.set(this.#pair, HEADER_BYTES + i * this.#pair.length)
      this.#waiting.push(response)
    }
    setImmediate(this.notify)
    return 0
  }

  drain(into) {
    let at = 0
    while (this.#waiting.length > 0) {
      const next = this.#waiting[0]
      if (at + next.length > into.length) return at === 0 ? -next.length : at
      into.set(next, at)
      at += next.length
      this.#waiting.shift()
    }
    return at
  }

  openReader(memory) {
    const pair = this.#pair
    const read = () => {
      memory.set(pair)
      return pair.length
    }
    return { read, close() {} }
  }

  close() {}
}

let port
const db = await createEmbedded({
  ports: (_, notify) => {
    port = new NullPort(notify)
    return port
  },
})
const value = 'v'.repeat(VALUE_BYTES)
const bytes = new Uint8Array(VALUE_BYTES)
let key = 0
const nextKey = () => {
  key = (key + 1) % 100_000
  return `key/${key}`
}

/** Calls a second with so many in flight, each a loop that awaits. */
async function inFlight(count, call) {
  let calls = 0
  const end = performance.now() + ROUND_MS
  const before = port.submissions
  const loop = async () => {
    while (performance.now() < end) {
      for (let i = 0; i < 8; i++) await call()
      calls += 8
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: count }, loop))
  return { perSecond: (calls / (performance.now() - start)) * 1000, callsPerSubmission: calls / (port.submissions - before) }
}

/** Calls a second in whole turns: `count` calls, then all of their answers. */
async function turns(count, call) {
  let calls = 0
  const start = performance.now()
  const before = port.submissions
  while (performance.now() - start < ROUND_MS) {
    const promises = new Array(count)
    for (let i = 0; i < count; i++) promises[i] = call()
    await Promise.all(promises)
    calls += count
  }
  return { perSecond: (calls / (performance.now() - start)) * 1000, callsPerSubmission: calls / (port.submissions - before) }
}

async function sync(call) {
  let calls = 0
  const start = performance.now()
  while (performance.now() - start < ROUND_MS) {
    for (let i = 0; i < 1000; i++) call()
    calls += 1000
  }
  return { perSecond: (calls / (performance.now() - start)) * 1000, callsPerSubmission: 0 }
}

const cases = {
  'put, 1 in flight': () => inFlight(1, () => db.put(nextKey(), value)),
  'put, 100 in flight': () => inFlight(100, () => db.put(nextKey(), value)),
  'put, 1,000 in flight': () => inFlight(1000, () => db.put(nextKey(), value)),
  'put of bytes, 1,000 in flight': () => inFlight(1000, () => db.put(nextKey(), bytes)),
  'put, turns of 1,000': () => turns(1000, () => db.put(nextKey(), value)),
  'get, 1 in flight': () => inFlight(1, () => db.get(nextKey())),
  'get, 1,000 in flight': () => inFlight(1000, () => db.get(nextKey())),
  getSync: () => sync(() => db.getSync(nextKey())),
  'getSync, as bytes': () => sync(() => db.getSync(nextKey(), { as: 'bytes' })),
}

/** Wall time and CPU time: on a machine that others use too, only the second says what the client costs. */
async function measured(run) {
  const before = process.cpuUsage()
  const start = performance.now()
  const { perSecond, callsPerSubmission } = await run()
  const { user, system } = process.cpuUsage(before)
  const cpuShare = (user + system) / 1000 / (performance.now() - start)
  return {
    perSecond: Math.round(perSecond),
    perCpuSecond: Math.round(perSecond / cpuShare),
    callsPerSubmission: Math.round(callsPerSubmission),
  }
}

const only = process.argv.slice(2).find((argument) => !argument.startsWith('--'))
const results = {}
for (const [name, run] of Object.entries(cases)) {
  if (only !== undefined && !name.includes(only)) continue
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measured(run))
  rounds.sort((a, b) => a.perSecond - b.perSecond)
  results[name] = rounds[ROUNDS >> 1]
}
await db.close()
if (process.argv.includes('--json')) console.log(JSON.stringify(results, null, 2))
else console.table(results)
