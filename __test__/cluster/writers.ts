// A load like an import, from several writers at once: new keys, some keys overwritten again and again, counters by
// compare-and-put. Every attempt is recorded before it is made.
import { setTimeout as sleep } from 'node:timers/promises'
import { compare, type Database, type KeyValue, put, type TxnResult } from 'rafterdb'
import { COUNTERS } from './check-writes.js'
import { ProcessEnded } from './child.js'
import type { Member } from './harness.js'
import type { WriteRecord } from './record.js'

const HOT_KEYS = 4
const COUNTER_KEYS = 2
/** Of so many writes one goes to a hot key, and one to a counter. */
const HOT_EVERY = 7
const COUNTER_EVERY = 11
/** Keeps the run readable in memory, ms between the writes of one lane. */
const PAUSE_MS = 4
const FILLING = 'x'.repeat(160)

/** The little of a database that a writer needs. */
export interface Target {
  /** Whether there is anyone to ask. */
  isThere(): boolean
  put(key: string, value: string): Promise<{ revision: number }>
  getPair(key: string): Promise<KeyValue | null>
  /** Puts if the key still has that revision. */
  putIf(key: string, modRevision: number, value: string): Promise<TxnResult>
}

export function targetOf(db: Database): Target {
  return {
    isThere: () => true,
    put: (key, value) => db.put(key, value),
    getPair: (key) => db.getPair(key),
    putIf: (key, modRevision, value) =>
      db
        .txn()
        .if(compare(key, 'modRevision', '=', modRevision))
        .then(put(key, value))
        .commit(),
  }
}

/** The member in a child that may be killed and started again. */
export function targetOfMember(member: Member): Target {
  const current = () => member.running()
  return {
    isThere: () => member.isOpen,
    put: (key, value) => current().call('put', key, value),
    getPair: (key) => current().getPair(key),
    putIf: (key, modRevision, value) => current().txn([compare(key, 'modRevision', '=', modRevision)], [put(key, value)], []),
  }
}

export interface WritersOptions {
  record: WriteRecord
  target: Target
  /** Of these writers; no others may have it. */
  name: string
  lanes: number
  /** Bytes added to each value; default 160. */
  filling?: string
  /** Whether a call that fails because its process was killed is expected. Anything else fails the writers. */
  mayEnd?: boolean
}

/** Writers that run until they are stopped. */
export class Writers {
  readonly #options: Required<WritersOptions>
  readonly #lanes: Promise<void>
  #stopped = false
  #count = 0

  constructor(options: WritersOptions) {
    this.#options = { filling: FILLING, mayEnd: false, ...options }
    this.#lanes = Promise.all(Array.from({ length: options.lanes }, () => this.#lane())).then(() => {})
    // Reported by `stop`.
    this.#lanes.catch(() => {})
  }

  /** Resolves when the last call is answered; rejects with the first call that failed. */
  stop(): Promise<void> {
    this.#stopped = true
    return this.#lanes
  }

  async #lane(): Promise<void> {
    while (!this.#stopped) {
      try {
        if (this.#options.target.isThere()) await this.#write(this.#count++)
      } catch (error) {
        if (!(error instanceof ProcessEnded) || !this.#options.mayEnd) throw error
      }
      await sleep(PAUSE_MS)
    }
  }

  #write(n: number): Promise<void> {
    const { name, filling } = this.#options
    if (n % HOT_EVERY === 0) return this.#put(`hot/${n % HOT_KEYS}`, `${n} ${name}`)
    if (n % COUNTER_EVERY === 0) return this.#increment(`${COUNTERS}${n % COUNTER_KEYS}`, `${name} ${n}`)
    return this.#put(`key/${name}/${String(n).padStart(8, '0')}`, `${n} ${filling}`)
  }

  async #put(key: string, value: string): Promise<void> {
    const { record, target } = this.#options
    const attempt = record.begin(key, value)
    record.acknowledge(attempt, (await target.put(key, value)).revision)
  }

  async #increment(key: string, by: string): Promise<void> {
    const { record, target } = this.#options
    const pair = await target.getPair(key)
    const value = `${Number(pair?.value.split(' ')[0] ?? 0) + 1} ${by}`
    const attempt = record.begin(key, value)
    const { succeeded, revision } = await target.putIf(key, pair?.modRevision ?? 0, value)
    if (succeeded) record.acknowledge(attempt, revision)
    else record.withdraw(attempt)
  }
}
