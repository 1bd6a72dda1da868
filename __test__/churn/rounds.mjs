// Opens and closes stores, clients and worker threads, and counts what the process holds: threads, files, memory, heap. Run with
// --expose-gc. Judges nothing: churn.test.ts and scripts/churn.mjs do.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { connect, open } from 'rafterdb'

const WORKER = fileURLToPath(new URL('../cluster/fixtures/idle-worker.mjs', import.meta.url))
/** Of a hundred lives so many are stores; so many are workers that are terminated; the others are clients. */
const STORES = 14
const WORKERS = 2
/** Lives that run side by side. */
const LANES = 4

const entries = (directory) => {
  try {
    return readdirSync(directory).length
  } catch {
    return 0
  }
}

/** What the process holds once all that can be collected is. Threads and files: 0 where the system does not list them. */
export async function measure() {
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc()
    await sleep(30)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return {
    threads: entries('/proc/self/task'),
    files: entries('/proc/self/fd'),
    rss,
    heap: heapUsed,
    external,
  }
}

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function use(db, prefix) {
  const stream = db.watch({ prefix })
  const events = stream[Symbol.asyncIterator]()
  await db.put(`${prefix}1`, 'a value')
  await events.next()
  await db.get(`${prefix}1`)
  await events.return?.()
}

/** A member that stays, and what comes and goes beside it. `leak`: what is left open on purpose. */
export class Churn {
  #root = mkdtempSync(join(tmpdir(), 'rafterdb-churn-'))
  #made = 0
  #kept = []
  #leak
  #member
  #endpoint

  constructor(leak = '') {
    this.#leak = leak
  }

  async start() {
    this.#endpoint = `127.0.0.1:${await freePort()}`
    const members = { a: this.#endpoint }
    this.#member = await open({ dataDir: join(this.#root, 'stays'), name: 'a', listen: this.#endpoint, members })
  }

  /** So many lives, some side by side. */
  async run(lives) {
    let left = lives
    const lane = async () => {
      while (left-- > 0) await this.#life(this.#made++)
    }
    await Promise.all(Array.from({ length: LANES }, lane))
  }

  async end() {
    await this.#member.close()
    rmSync(this.#root, { recursive: true, force: true })
  }

  async #life(number) {
    const kind = (number * 37) % 100
    if (this.#leak === 'heap') this.#kept.push('x'.repeat(20_000).split(''))
    if (this.#leak === 'memory') this.#kept.push(Buffer.alloc(1 << 20, 1))
    if (kind < STORES) await this.#store(number)
    else if (kind < STORES + WORKERS) await this.#worker(number)
    else await this.#client()
  }

  async #store(number) {
    const dataDir = join(this.#root, `${number}`)
    const db = await open({ dataDir, memory: 32 << 20 })
    await use(db, 's')
    db.getSync?.('s1', { consistency: 'serializable' })
    if (this.#leak === 'store') return this.#kept.push(db)
    await db.close()
    rmSync(dataDir, { recursive: true, force: true })
  }

  async #client() {
    const db = await connect({ endpoints: [this.#endpoint] })
    await use(db, 'c')
    if (this.#leak === 'client') return this.#kept.push(db)
    await db.close()
  }

  async #worker(number) {
    const dataDir = join(this.#root, `worker-${number}`)
    const worker = new Worker(WORKER, { workerData: { dataDir } })
    worker.on('error', () => {})
    await new Promise((resolve) => worker.once('message', resolve))
    if (this.#leak === 'worker') return this.#kept.push(worker)
    await worker.terminate()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
