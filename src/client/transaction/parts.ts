// The parts of a transaction: what users make them with, and what their number and kinds mean for the batch they go in.
import type { Bytes, Compare, CompareOperator, CompareTarget, Selection, TxnOperation } from '../api.js'
import { checkNames } from '../arguments/option-names.js'
import { isKey } from '../arguments/selection.js'

const PREVIOUS = ['previous']
const RANGE = ['prefix', 'from', 'to', 'limit', 'reverse', 'keysOnly']

/**
 * A condition on one key, or on every key of a selection. A key that does not exist has version and revisions 0. The selections that a
 * transaction compares may have 4,000 keys together, fewer if values are long (each 4 KiB count as a key) or if it has very many
 * operations (each on a selection counts as nine): above it TOO_MANY_OPERATIONS.
 */
export function compare(of: Bytes | Selection, target: 'value', operator: CompareOperator, operand: Bytes): Compare
export function compare(
  of: Bytes | Selection,
  target: Exclude<CompareTarget, 'value'>,
  operator: CompareOperator,
  operand: number,
): Compare
export function compare(
  of: Bytes | Selection,
  target: CompareTarget,
  operator: CompareOperator,
  operand: number | Bytes,
): Compare {
  return isKey(of) ? { key: of, target, operator, operand } : { selection: of, target, operator, operand }
}

/** Writes a key. With `previous` the result has the pair that was replaced. */
export function put(key: Bytes, value: Bytes, options: { previous?: boolean | undefined } = {}): TxnOperation {
  checkNames(options, PREVIOUS)
  return { type: 'put', key, value, ...options }
}

/**
 * Deletes a key, or a selection. With `previous` the result has the pairs, as far as there is room: about 5,000 in a transaction, and
 * 1.75 MiB; `deleted` counts all. TOO_MANY_OPERATIONS as for `delete` of a database: then nothing of the transaction is done.
 */
export function del(of: Bytes | Selection, options: { previous?: boolean | undefined } = {}): TxnOperation {
  checkNames(options, PREVIOUS)
  return isKey(of) ? { type: 'delete', key: of, ...options } : { type: 'delete', ...of, ...options }
}

/** Reads a key. */
export function get(key: Bytes): TxnOperation {
  return { type: 'get', key }
}

/** Reads a selection; at most `limit` pairs, and about 5,000 in a transaction: `more` says that there are more, `count` how many. */
export function range(
  options: Selection & { limit?: number | undefined; reverse?: boolean | undefined; keysOnly?: boolean | undefined } = {},
): TxnOperation {
  checkNames(options, RANGE)
  return { type: 'range', ...options }
}

/** What a builder has gathered. */
export interface TxnParts {
  if: Compare[]
  then: TxnOperation[]
  else: TxnOperation[]
}

/** As how many operations of a batch it counts: it, its compares, and those of both branches. */
export function countOperations(parts: TxnParts): number {
  let count = 1 + parts.if.length
  for (const branch of [parts.then, parts.else])
    for (const part of branch) count += part.type === 'txn' ? countOperations(part) : 1
  return count
}

/** Whether it may look at many keys, or its answer wait for them to be counted: those of ranges, and of selections compared or deleted. */
export const mayTakeLong = (parts: TxnParts): boolean =>
  parts.if.some(({ key }) => key === undefined) || parts.then.some(isLong) || parts.else.some(isLong)

function isLong(part: TxnOperation): boolean {
  if (part.type === 'txn') return mayTakeLong(part)
  return part.type === 'range' || (part.type === 'delete' && part.key === undefined)
}
