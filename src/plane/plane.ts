// The interface between the Raft core's host and the data plane, implemented natively (src/native) and simulated (__test__/sim).
// Numbers only: no payload ever crosses here. The record layouts are in crates/codec/FORMATS.md.

/** One member's data plane, as the worker that runs the Raft core sees it. */
export interface Plane {
  /**
   * Hands over `length` doubles of commands, then blocks until there are events or `timeoutMs` has passed.
   * Returns the number of doubles written to `events`: at least 2, `events[0]` the same number and `events[1]` the time now.
   *
   * Time is in milliseconds on a monotonic clock that keeps running while the process is stopped.
   */
  exchange(commands: Float64Array, length: number, events: Float64Array, timeoutMs: number): number
}
