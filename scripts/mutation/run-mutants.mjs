// Hands mutants to worker processes, a few at a time, and collects what became of each. A worker that says nothing for too
// long, or ends, has met a mutant that is noticed by that; another takes its place.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const worker = fileURLToPath(new URL('./worker.mjs', import.meta.url))
/** A check takes a second at most; loops have a bound of their own, so this is for what has none. */
const SILENCE_MAX_MS = 120_000

/** Names and digests of all checks, once they have passed without a mutant. Throws if one does not. */
export async function startWorkers(jobs, quick) {
  const first = new Worker(quick)
  const list = await first.ready
  const others = Array.from({ length: jobs - 1 }, () => new Worker(quick))
  return { list, workers: [first, ...others] }
}

/** Runs `tasks` of `{ mutant, names, first }`: the checks to meet, and the one to meet first, if any; calls `done(task, noticed, ms)` for each. */
export async function runMutants(workers, tasks, done) {
  const queue = [...tasks]
  await Promise.all(
    workers.map(async (started) => {
      let at = started
      for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
        await at.ready
        const { noticed, ms } = await at.run(task)
        done(task, noticed, ms)
        if (at.ended) at = new Worker(at.quick)
      }
      at.stop()
    }),
  )
}

class Worker {
  ended = false
  #process
  #answer = () => {}

  /** `quick`: only quick checks will be asked for. */
  constructor(quick) {
    this.quick = quick
    this.#process = fork(worker, [quick ? 'quick' : 'all'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.ready = new Promise((resolve, reject) => {
      this.#answer = ({ ready, broken }) => {
        if (ready !== undefined) resolve(ready)
        else reject(new Error(`the checks fail without a mutant: ${broken}`))
      }
    })
    this.ready.catch(() => this.stop())
    this.#process.on('message', (message) => this.#answer(message))
    this.#process.on('exit', () => {
      this.ended = true
      this.#answer({ broken: 'the worker ended', noticed: { check: 'all', how: 'crashed', message: 'the process ended' } })
    })
  }

  run(task) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.stop(), SILENCE_MAX_MS)
      this.#answer = ({ noticed, ms = SILENCE_MAX_MS }) => {
        clearTimeout(timer)
        resolve({ noticed, ms })
      }
      if (!this.ended) this.#process.send(task)
    })
  }

  stop() {
    this.ended = true
    this.#process.kill('SIGKILL')
  }
}
