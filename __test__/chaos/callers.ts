// Apps that read and write a few keys through a client or the member that they have, and write down each call with its begin, its end and its
// answer, for `linearizability/store.ts`. Judges nothing.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Compare,
  compare,
  type Database,
  del,
  get,
  put,
  RafterError,
  type ReadOptions,
  type TxnOperation,
  type TxnResult,
} from 'rafterdb'
import type { Random } from '../client/random.js'
import { type Child, ProcessEnded } from '../cluster/child.js'
import type { Member } from '../cluster/harness.js'
import type { KeyValue, StoreCall, StoreInput, StoreOutput } from '../linearizability/store.js'

/** Parts of the keys at a time; a call has keys of one. */
const PARTS = 12
const KEYS = ['x', 'y', 'z']
/** After so long other keys are used: what nobody knows of makes a part's check long. */
const EPOCH_MS = 15_000
/** Between the calls of one caller, ms, at most. */
const PAUSE_MAX_MS = 16

/** The little of a database that a caller needs. */
export interface Store {
  get(key: string, options: ReadOptions): Promise<string | null>
  put(key: string, value: string): Promise<unknown>
  delete(key: string): Promise<unknown>
  txn(compares: Compare[], then: TxnOperation[]): Promise<TxnResult>
}

export function storeOf(db: Database): Store {
  return {
    get: (key, options) => db.get(key, options),
    put: (key, value) => db.put(key, value),
    delete: (key) => db.delete(key),
    txn: (compares, then) =>
      db
        .txn()
        .if(...compares)
        .then(...then)
        .commit(),
  }
}

/** Nobody is there to ask: nothing was done. */
class NotThere extends Error {}

/** The member in a child that is killed and started again. */
export function storeOfMember(member: Member, timeout: number): Store {
  const current = (): Child => {
    if (!member.isOpen) throw new NotThere(member.name)
    return member.running()
  }
  return {
    get: async (key, options) => current().get(key, { ...options, timeout }),
    put: async (key, value) => current().call('put', key, value, { timeout }),
    delete: async (key) => current().call('delete', key, { timeout }),
    txn: async (compares, then) =>
      current().ask('txn', { compares, then, otherwise: [], options: { timeout } }) as Promise<TxnResult>,
  }
}

/** What was called, and when somebody was last told that a write is done. */
export class Recording {
  readonly calls: StoreCall[] = []
  readonly began = performance.now()
  acknowledged = 0
  /** Of each write that was acknowledged, when. */
  readonly times: number[] = []
  /** How often each error came. */
  readonly errors = new Map<string, number>()
  /** What the first of each said. */
  readonly messages = new Map<string, string>()

  now(): number {
    return performance.now() - this.began
  }
}

export class Caller {
  readonly #done: Promise<void>
  #stopped = false
  #count = 0

  constructor(
    readonly recording: Recording,
    readonly store: Store,
    readonly name: string,
    readonly random: Random,
    /** Only reads, of what the member has, as if that were what the cluster has: for a canary. */
    readonly isStale = false,
  ) {
    this.#done = this.#run()
    // Reported by `stop`.
    this.#done.catch(() => {})
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#call(this.#input())
      await sleep(this.random.below(PAUSE_MAX_MS))
    }
  }

  #input(): StoreInput {
    const { random } = this
    const part = `${Math.floor(this.recording.now() / EPOCH_MS)}/${random.below(PARTS)}`
    const keys = KEYS.filter(() => random.below(2) === 0).map((key) => `${part}/${key}`)
    if (keys.length === 0) keys.push(`${part}/${KEYS[0]}`)
    if (this.isStale) return { type: 'read', keys: keys.slice(0, 1) }
    if (random.below(2) === 0) return { type: 'read', keys }
    const then = keys.map((key): KeyValue => [key, random.below(8) === 0 ? null : `${this.name}:${this.#count++}`])
    const [first = ''] = keys
    return { type: 'txn', if: random.below(3) === 0 ? [[first, this.#lastSeen(first)]] : [], then }
  }

  /** What a key was when somebody last looked. */
  #lastSeen(key: string): string | null {
    const seen = this.recording.calls.findLast(
      ({ input, output }) => output !== undefined && input.type === 'read' && input.keys.includes(key),
    )
    if (seen === undefined || seen.input.type !== 'read') return null
    return (seen.output as (string | null)[])[seen.input.keys.indexOf(key)] ?? null
  }

  async #call(input: StoreInput): Promise<void> {
    const { recording, name } = this
    const begin = recording.now()
    const call = { client: name, input, begin }
    try {
      const output = await (input.type === 'read' ? this.#read(input.keys) : this.#txn(input.if, input.then))
      recording.calls.push({ ...call, end: recording.now(), output })
      if (input.type === 'read') return
      recording.acknowledged++
      recording.times.push(recording.now())
    } catch (error) {
      const name = codeOf(error)
      recording.errors.set(name, (recording.errors.get(name) ?? 0) + 1)
      if (!recording.messages.has(name)) recording.messages.set(name, String(error))
      // A read that failed says nothing. A write that was not done must not be seen: it is left out, and so its value is nobody's.
      if (input.type === 'txn' && !isNotDone(error)) {
        recording.calls.push({ ...call, end: Number.POSITIVE_INFINITY, output: undefined })
      }
      if (error instanceof NotThere) await sleep(100)
    }
  }

  async #read(keys: readonly string[]): Promise<StoreOutput> {
    const [first = ''] = keys
    if (keys.length === 1) return [await this.store.get(first, { consistency: this.isStale ? 'serializable' : 'linearizable' })]
    const { results } = await this.store.txn(
      [],
      keys.map((key) => get(key)),
    )
    return results.map((result) => (result.type === 'get' ? (result.pair?.value ?? null) : null))
  }

  async #txn(ifs: readonly KeyValue[], then: readonly KeyValue[]): Promise<StoreOutput> {
    const [[key = '', value = null] = []] = then
    if (ifs.length === 0 && then.length === 1) {
      await (value === null ? this.store.delete(key) : this.store.put(key, value))
      return true
    }
    const compares = ifs.map(([key, value]) =>
      value === null ? compare(key, 'version', '=', 0) : compare(key, 'value', '=', value),
    )
    const writes = then.map(([key, value]) => (value === null ? del(key) : put(key, value)))
    const { succeeded } = await this.store.txn(compares, writes)
    return succeeded
  }
}

/** Throws what is no answer of a store. */
function codeOf(error: unknown): string {
  if (error instanceof RafterError) return error.code
  if (error instanceof ProcessEnded || error instanceof NotThere) return error.constructor.name
  throw error
}

function isNotDone(error: unknown): boolean {
  return error instanceof NotThere || (error instanceof RafterError && error.outcome === 'not-done')
}
