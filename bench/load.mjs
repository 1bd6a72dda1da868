// Drives a database with a fixed number of calls in flight and measures each of them. Knows no cluster and no table.

/** Keys of a run: fixed width, spread over the key space so that no order helps. */
export function keyOf(n) {
  // Multiplication by an odd constant modulo 2^32 visits every number once.
  return `bench/${(Math.imul(n, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0')}`
}

/** More keys than this would fill the memory that a bench looks at. */
const KEYS_MADE_BEFORE_MAX = 1_000_000

/** Every key is used before one is used again, in an order that helps nobody. Made before the clock starts, if they are few. */
export function keyWalk(keys) {
  if (keys > KEYS_MADE_BEFORE_MAX) return (n) => keyOf(n % keys)
  const names = Array.from({ length: keys }, (_, n) => keyOf(n))
  return (n) => names[n % keys]
}

/** A value of so many bytes that does not compress to nothing. */
export function payloadOf(bytes, seed = 1) {
  let state = seed
  let text = ''
  while (text.length < bytes) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    text += state.toString(36)
  }
  return text.slice(0, bytes)
}

/** One call of each kind of load; `n` counts the calls. */
export function operation(db, kind, { keys, valueBytes }) {
  const value = payloadOf(valueBytes)
  const key = keyWalk(keys)
  if (kind === 'put') return (n) => db.put(key(n), value)
  if (kind === 'get') return (n) => db.get(key(n))
  if (kind === 'serializable') return (n) => db.get(key(n), { consistency: 'serializable' })
  throw new Error(`no load ${kind}`)
}

/** Runs `count` calls, `inFlight` at a time, numbered from `first` on. Latencies in ms. */
export async function load(call, { count, inFlight, first = 0 }) {
  const latencies = new Float64Array(count)
  let next = 0
  const worker = async () => {
    while (next < count) {
      const n = next++
      const start = performance.now()
      await call(first + n)
      latencies[n] = performance.now() - start
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: inFlight }, worker))
  const ms = performance.now() - start
  latencies.sort()
  const at = (share) => latencies[Math.min(count - 1, Math.floor(count * share))]
  return { count, inFlight, ms, perSecond: (count / ms) * 1e3, p50: at(0.5), p99: at(0.99), max: at(1) }
}

/** Runs `count` synchronous reads. */
export function loadSync(db, { count, keys }) {
  const key = keyWalk(keys)
  let missing = 0
  const start = performance.now()
  for (let n = 0; n < count; n++) if (db.getSync(key(n)) === null) missing++
  const ms = performance.now() - start
  if (missing > 0) throw new Error(`${missing} keys are missing`)
  return { count, ms, perSecond: (count / ms) * 1e3, p50: ms / count, p99: ms / count }
}
