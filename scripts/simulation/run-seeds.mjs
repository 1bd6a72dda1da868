// Gives seeds to worker processes, one at a time each. A process that says nothing for long, or ends, has met a seed that fails.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const worker = fileURLToPath(new URL('./worker.mjs', import.meta.url))
/** A seed takes a second at most on a machine that has nothing else to do. */
const SILENCE_MAX_MS = 300_000
/** What a run makes is soon garbage: rarely looked for, and by the one thread, as each processor has a process. */
const NODE_FLAGS = ['--max-semi-space-size=64', '--single-threaded-gc']

/** Calls `onResult({ seed, outcome, error })` for each; begins none after `until`, ms. */
export async function runSeeds({ file, jobs, first, count, seconds, twiceEvery, until, onResult }) {
  let next = first
  const take = () => (next < first + count && Date.now() < until ? next++ : undefined)
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      let process = new SeedProcess(file, seconds)
      for (let seed = take(); seed !== undefined; seed = take()) {
        onResult({ seed, ...(await process.run(seed, seed % twiceEvery === 0)) })
        if (process.ended) process = new SeedProcess(file, seconds)
      }
      process.stop()
    }),
  )
}

class SeedProcess {
  ended = false
  #process
  #answer = () => {}

  constructor(file, seconds) {
    this.#process = fork(worker, [file, String(seconds)], {
      execArgv: NODE_FLAGS,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#process.on('message', (message) => this.#answer(message))
    this.#process.on('exit', () => {
      this.ended = true
      this.#answer({ error: 'the process ended' })
    })
  }

  run(seed, twice) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#answer({ error: `nothing for ${SILENCE_MAX_MS} ms: it goes in circles` })
        this.stop()
      }, SILENCE_MAX_MS)
      this.#answer = (message) => {
        clearTimeout(timer)
        this.#answer = () => {}
        resolve(message)
      }
      this.#process.send({ seed, twice })
    })
  }

  stop() {
    this.ended = true
    this.#process.kill('SIGKILL')
  }
}
