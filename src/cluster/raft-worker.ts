// The entry of the Raft worker thread: the cores of one member's groups against its native plane.
// The app's own thread may block as long as it likes; elections and heartbeats are served here.
import { parentPort, workerData } from 'node:worker_threads'
import type { HostConfig } from '../host/config.js'
import { run } from '../host/worker.js'
import { loadBinding } from '../native/load.js'
import { nativePlane } from '../native/plane.js'

const { member, config, binary } = workerData as { member: number; config: HostConfig; binary: string }
run(nativePlane(loadBinding(binary), member), config, () => parentPort?.postMessage('runs'))
