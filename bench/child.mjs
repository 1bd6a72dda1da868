// A process of the bench: a member of the cluster, or a client of it. Takes orders over its IPC channel.
import { createRequire } from 'node:module'
import { connect, open } from 'rafterdb'
import { load, loadSync, operation } from './load.mjs'

let db

const orders = {
  async open(options) {
    db = await open(options)
  },
  async connect(options) {
    db = await connect(options)
  },
  async status() {
    return db.status()
  },
  async load({ kind, ...options }) {
    const call = operation(db, kind, options)
    const before = usage()
    const result = await load(call, options)
    return { ...result, ...since(before, result.ms) }
  },
  async loadSync(options) {
    return loadSync(db, options)
  },
  async usage() {
    return usage()
  },
  /** What Rust has allocated since the last call, in a binary that counts; see bench/allocations.mjs. */
  async allocations({ every }) {
    const counting = createRequire(import.meta.url)(process.env.RAFTERDB_NATIVE)
    counting.sampleAllocations(every)
    return JSON.parse(counting.allocationCounters())
  },
  async close() {
    await db?.close()
  },
}

/** What this process has used so far. */
function usage() {
  const { user, system } = process.cpuUsage()
  return { cpuMs: (user + system) / 1e3, rssBytes: process.memoryUsage.rss(), counters: db?.counters?.() ?? {} }
}

function since(before, ms) {
  const now = usage()
  const counters = {}
  for (const [name, value] of Object.entries(now.counters)) counters[name] = value - (before.counters[name] ?? 0)
  return { cpu: (now.cpuMs - before.cpuMs) / ms, counters }
}

process.on('message', async ({ id, order, options }) => {
  try {
    process.send({ id, result: await orders[order](options) })
  } catch (error) {
    process.send({ id, error: `${error.code ?? error.name}: ${error.message}` })
  }
})
process.on('disconnect', () => process.exit(0))
