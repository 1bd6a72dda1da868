// The thread of the Raft worker: started apart from whatever the app's own threads were given, and known to run before anybody
// relies on it. Knows nothing of what it runs.
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { RafterError } from '../errors.js'

/**
 * A worker takes from its parent what it is not given: flags of the command line and of NODE_OPTIONS (`--input-type`, `--require`,
 * `--import`, loaders, profilers, a debugger's stop at the first line), and the variables that Node reads. They are meant for the
 * app's code, and some end this thread before it runs. It needs none of them; limits of memory are left as they are for the process.
 */
const OWN: WorkerOptions = { execArgv: [], env: {}, argv: [], stdin: false, stdout: false, stderr: false }

/** What to do when the worker's file is not where this code is. */
const BUNDLED =
  'rafterdb was bundled without it: leave rafterdb out of the bundle (esbuild and rolldown: --external rafterdb), or bundle ' +
  'rafterdb/raft-worker too, as raft-worker.js beside this file'

/** Starts the thread. Resolves once it runs its code; the process stays alive until then. WORKER_FAILED if it comes to nothing. */
export async function startRaftThread(name: string, workerData: unknown): Promise<Worker> {
  let worker: Worker
  try {
    // Bundlers know this very expression.
    worker = new Worker(new URL('./raft-worker.js', import.meta.url), { ...OWN, workerData, name })
  } catch (error) {
    throw failed(error)
  }
  await new Promise<void>((resolve, reject) => {
    const onExit = (code: number) => reject(failed(new Error(`it ended with ${code} before it ran`)))
    const onError = (error: unknown) => reject(failed(error))
    worker.once('exit', onExit).once('error', onError)
    worker.once('message', () => {
      worker.off('exit', onExit).off('error', onError)
      resolve()
    })
  })
  return worker
}

function failed(cause: unknown): RafterError {
  const { message = String(cause), code } = cause as { message?: string; code?: string }
  const isAway = code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_INVALID_URL'
  const advice = isAway ? `; ${BUNDLED}` : ''
  return new RafterError('WORKER_FAILED', `the Raft worker could not be started: ${message.split('\n')[0]}${advice}`, { cause })
}
