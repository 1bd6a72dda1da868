// Gathers the parts of a transaction until it is committed. Encodes and sends nothing.
import { RafterError } from '../../errors.js'
import type { As, CallOptions, Compare, Txn, TxnOperation, TxnResult } from '../api.js'
import type { TxnParts } from './parts.js'

/** The builder. `run` sends what it gathered. */
export class TxnBuilder implements Txn {
  readonly #parts: TxnParts = { if: [], then: [], else: [] }
  readonly #run: (parts: TxnParts, options: CallOptions & { as?: As | undefined }) => Promise<TxnResult<As>>

  constructor(run: (parts: TxnParts, options: CallOptions & { as?: As | undefined }) => Promise<TxnResult<As>>) {
    this.#run = run
  }

  if(...compares: Compare[]): Txn {
    this.#parts.if.push(...compares)
    return this
  }

  then(...added: TxnOperation[]): Txn {
    // `await` of a builder without commit() would call this with two functions and never come back.
    if (typeof added[0] === 'function') {
      throw new RafterError('INVALID_ARGUMENT', 'a transaction is sent by commit(): await db.txn()….commit()')
    }
    this.#parts.then.push(...added)
    return this
  }

  else(...added: TxnOperation[]): Txn {
    this.#parts.else.push(...added)
    return this
  }

  commit<A extends As = 'string'>(options: CallOptions & { as?: A | undefined } = {}): Promise<TxnResult<A>> {
    return this.#run(this.#parts, options) as Promise<TxnResult<A>>
  }
}
