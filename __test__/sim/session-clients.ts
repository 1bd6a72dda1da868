// Clients with sessions: each does one operation after the other on a few cells, at any member, sends one that gets no answer again, and
// remembers what it was told. In the end their history must be that of one store, and each operation must have taken effect once.

import { Random } from '../../src/raft/random.js'
import { checkStore, type StoreCall } from '../linearizability/store.js'
import { type Checker, Violation } from './checker.js'
import type { FreshReads } from './checkers/fresh-reads.js'
import type { Node } from './node.js'
import type { SimulationOptions } from './options.js'
import type { Scheduler } from './scheduler.js'
import { CELLS, NOTHING, type Operation } from './session-store.js'

/** Their group. */
const GROUP = 0
const BYTES = 50

/** What came of their operations. */
export interface SessionCounts {
  done: number
  /** Sent once more. */
  repeated: number
  /** Of those done, reads. */
  readings: number
}

/** All clients with sessions of one run. */
export class SessionClients {
  readonly counts: SessionCounts = { done: 0, repeated: 0, readings: 0 }
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #nodes: readonly Node[]
  readonly #options: SimulationOptions
  readonly #checkers: readonly Checker[]
  readonly #freshReads: FreshReads
  readonly #history: StoreCall[] = []
  /** What some client has put last: a guess that makes conditions hold. */
  readonly #guess = NOTHING.cells.slice()
  #values = 0
  #over = false

  constructor(
    scheduler: Scheduler,
    nodes: readonly Node[],
    options: SimulationOptions,
    checkers: readonly Checker[],
    freshReads: FreshReads,
  ) {
    this.#scheduler = scheduler
    this.#random = new Random(options.seed, 0x5e55)
    this.#nodes = nodes
    this.#options = options
    this.#checkers = checkers
    this.#freshReads = freshReads
  }

  /** Starts them. */
  start(): void {
    for (let client = 0; client < this.#options.sessions; client += 1) this.#next(client, 1)
  }

  /** They begin nothing more. */
  stop(): void {
    this.#over = true
  }

  /** What is wrong with their history; undefined: nothing. */
  verdict(): Violation | undefined {
    const [first] = checkStore(this.#history)
    return first === undefined ? undefined : new Violation('linearizability', first)
  }

  #next(client: number, sequence: number): void {
    this.#scheduler.after(this.#random.between(0, this.#options.thinkMax), () => {
      if (this.#over) return
      if (this.#random.next() < 0.4) this.#read(client, sequence)
      else this.#write(client, sequence)
    })
  }

  #write(client: number, sequence: number): void {
    const operation = this.#draw(client, sequence)
    const { compare, puts } = operation
    const call = this.#begin(client, {
      type: 'txn',
      if: compare === null ? [] : [[`cell ${compare[0]}`, shown(compare[1])]],
      then: puts.map(([cell, value]) => [`cell ${cell}`, shown(value)]),
    })
    const attempt = (): void => {
      let tried = false
      const again = (): void => {
        if (tried || call.output !== undefined) return
        tried = true
        this.#again(attempt)
      }
      const node = this.#node()
      node.perform(() => {
        this.#values += 1
        const value = 2 ** 32 + this.#values
        const taken = node.plane.write(GROUP, { term: 0, value, bytes: BYTES, operation }, (index, code, held = false) => {
          if (code !== 0) again()
          else if (this.#end(call, held)) {
            for (const checker of this.#checkers) {
              checker.onAcknowledged?.(GROUP, index, value)
              checker.onOperation?.(GROUP, operation)
            }
            for (const [cell, put] of puts) if (held) this.#guess[cell] = put
            this.#next(client, sequence + 1)
          }
        })
        if (!taken) again()
      })
      this.#scheduler.after(3 * this.#options.electionTimeout, again)
    }
    attempt()
  }

  #read(client: number, sequence: number): void {
    const cells = this.#cells()
    const call = this.#begin(client, { type: 'read', keys: cells.map((cell) => `cell ${cell}`) })
    const attempt = (): void => {
      let tried = false
      const again = (): void => {
        if (tried || call.output !== undefined) return
        tried = true
        this.#again(attempt)
      }
      const node = this.#node()
      const floor = this.#freshReads.readFloor(GROUP)
      node.perform(() => {
        const taken = node.plane.read(GROUP, (index, code) => {
          if (code !== 0) again()
          else {
            const { store } = node.plane.state(GROUP)
            if (
              !this.#end(
                call,
                cells.map((cell) => shown(store.cells[cell]!)),
              )
            )
              return
            this.counts.readings += 1
            for (const checker of this.#checkers) checker.onRead?.(GROUP, index, floor)
            this.#next(client, sequence)
          }
        })
        if (!taken) again()
      })
      this.#scheduler.after(3 * this.#options.electionTimeout, again)
    }
    attempt()
  }

  /** Also when clients begin nothing more: what is under way may still be answered. */
  #again(attempt: () => void): void {
    this.counts.repeated += 1
    this.#scheduler.after(this.#random.between(1, this.#options.electionTimeout), attempt)
  }

  #begin(client: number, input: StoreCall['input']): StoreCall {
    const [begin, end] = [this.#scheduler.now, Number.POSITIVE_INFINITY]
    const call: StoreCall = { client: `client ${client}`, input, begin, end, output: undefined }
    this.#history.push(call)
    return call
  }

  /** False: another attempt was answered before. */
  #end(call: StoreCall, output: NonNullable<StoreCall['output']>): boolean {
    if (call.output !== undefined) return false
    call.end = this.#scheduler.now
    call.output = output
    this.counts.done += 1
    return true
  }

  #draw(client: number, sequence: number): Operation {
    const cells = this.#cells()
    const puts = cells.map((cell) => {
      this.#values += 1
      return [cell, this.#values] as const
    })
    const compared = Math.floor(this.#random.next() * CELLS)
    const compare = this.#random.next() < 0.5 ? null : ([compared, this.#guess[compared]!] as const)
    return { client, sequence, compare, puts }
  }

  #cells(): number[] {
    const first = Math.floor(this.#random.next() * CELLS)
    return this.#random.next() < 0.6 ? [first] : [first, (first + 1) % CELLS]
  }

  #node(): Node {
    return this.#nodes[Math.floor(this.#random.next() * this.#nodes.length)]!
  }
}

function shown(value: number): string | null {
  return value === 0 ? null : String(value)
}
