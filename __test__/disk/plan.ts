// What is written in a test: lanes of operations from a seed, each lane on keys of its own, one operation after the other.
// So each lane has, at any time, at most one operation of which it is not known whether it happened.

export interface Value {
  tag: string
  bytes: number
}

export type Operation =
  | { type: 'put'; key: string; value: Value }
  | { type: 'delete'; key: string }
  | { type: 'deletePrefix'; prefix: string }
  /** Only if `unlike`, a key that never is, is not there: so always. */
  | { type: 'txn'; unlike: string; puts: { key: string; value: Value }[]; delete: string }
  /** Forgets all but the last `keep` revisions. */
  | { type: 'compact'; keep: number }

export type Lanes = Record<string, Operation[]>

/** A generator of numbers below 1 from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface PlanOptions {
  lanes: number
  /** Operations of each lane. */
  operations: number
  valueBytes: number
  /** Whether the first lane compacts now and then. */
  compacts?: boolean
}

const KEYS = 12

export function plan(seed: number, { lanes, operations, valueBytes, compacts = false }: PlanOptions): Lanes {
  const out: Lanes = {}
  for (let lane = 0; lane < lanes; lane++) {
    const next = random(seed * 1009 + lane)
    const name = `l${lane}`
    out[name] = Array.from({ length: operations }, (_, n) =>
      compacts && lane === 0 && n % 25 === 24 ? { type: 'compact', keep: 40 } : operation(next, name, n, valueBytes),
    )
  }
  return out
}

function operation(next: () => number, lane: string, n: number, valueBytes: number): Operation {
  const key = () => `${lane}/${Math.floor(next() * 3)}/${Math.floor(next() * KEYS)}`
  const value = (part: string): Value => ({ tag: `${lane}.${n}${part}|`, bytes: Math.ceil(valueBytes * (0.5 + next() / 2)) })
  const kind = next()
  if (kind < 0.8) return { type: 'put', key: key(), value: value('') }
  if (kind < 0.88) return { type: 'delete', key: key() }
  if (kind < 0.91) return { type: 'deletePrefix', prefix: `${lane}/${Math.floor(next() * 3)}/1` }
  const at = Math.floor(next() * KEYS)
  return {
    type: 'txn',
    unlike: `${lane}/never`,
    puts: [
      { key: `${lane}/0/${at}`, value: value('a') },
      { key: `${lane}/1/${at}`, value: value('b') },
    ],
    delete: `${lane}/2/${at}`,
  }
}
