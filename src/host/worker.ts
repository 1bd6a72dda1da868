// The raft worker's loop: one exchange with the plane, one step of the cores, again. Knows the interface of the plane only.
import type { Plane } from '../plane/plane.js'
import type { HostConfig } from './config.js'
import { Host } from './host.js'

/**
 * Runs the cores of one member until the plane asks for the end; calls `started` before the first exchange. Blocks the thread. Throws
 * INTERNAL on a broken invariant.
 */
export function run(plane: Plane, config: HostConfig, started: () => void): void {
  const host = new Host(config)
  started()
  let length = 0
  let timeout = 0
  while (!host.closed) {
    const { events } = host
    plane.exchange(host.commands, length, events, timeout)
    length = host.step(events)
    timeout = host.timeout
  }
}
