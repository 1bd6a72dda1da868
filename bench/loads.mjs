// The loads of the side-by-side benches: what is called, how many at a time, how often.

/** Keys that exist before anything is measured, and the size of their values. */
export const shape = ({ quick }) => ({ keys: quick ? 10_000 : 100_000, valueBytes: 256 })

/** Asked of the member that leads, in its own process. */
export const LOADS = [
  { name: 'put, 1 in flight', kind: 'put', inFlight: 1, count: 10_000 },
  { name: 'put, 100 in flight', kind: 'put', inFlight: 100, count: 300_000 },
  { name: 'put, 1,000 in flight', kind: 'put', inFlight: 1_000, count: 600_000 },
  { name: 'get, 100 in flight', kind: 'get', inFlight: 100, count: 500_000 },
  { name: 'get, 1,000 in flight', kind: 'get', inFlight: 1_000, count: 500_000 },
]

/** Synchronous reads of the member that leads. */
export const SYNC_LOAD = { name: 'getSync', count: 1_000_000 }

/** Asked of a client in another process. */
export const REMOTE_LOADS = [
  { name: 'remote put, 1,000 in flight', kind: 'put', inFlight: 1_000, count: 200_000 },
  { name: 'remote get, 1,000 in flight', kind: 'get', inFlight: 1_000, count: 300_000 },
]

/** Share of a load's calls that are made before it is measured: V8 compiles what they run meanwhile. */
export const WARM_UP = 0.2
