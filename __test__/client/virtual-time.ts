// Time that moves on when nothing else is to be done: what a test says about deadlines holds on a machine of any speed.
import { afterEach, beforeEach, vi } from 'vitest'

/** Every test of the file that calls it has a clock of its own. Only for tests without sockets, files and processes. */
export function useVirtualTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'performance'],
    })
    vi.setTimerTickMode('nextTimerAsync')
  })
  afterEach(() => {
    vi.useRealTimers()
  })
}
