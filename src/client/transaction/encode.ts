// Transactions: the constructors of their parts, the builder, and both directions of their encoding.
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import type {
  As,
  Bytes,
  CallOptions,
  Compare,
  CompareOperator,
  CompareTarget,
  Selection,
  Txn,
  TxnOperation,
  TxnOperationResult,
  TxnResult,
} from '../api.js'
import { checkNames } from '../arguments/option-names.js'
import { isKey, spanOf, spanOfExplicit, spanOfKey } from '../arguments/selection.js'
import { describe, shown } from '../text/describe.js'
import { bytesRoom, toBytes } from '../wire/bytes.js'
import { WRITE_HEADER_BYTES } from '../wire/header.js'
import { readU64, writeU64 } from '../wire/integers.js'
import * as operations from '../wire/operations.js'
import { CompareResultKind, CompareTargetKind, OperationKind } from '../wire/request-kinds.js'
import {
  Result as Cursor,
  PUT_HAS_PREVIOUS,
  RANGE_MORE,
  type Result,
  readPair,
  readPairs,
  TXN_SUCCEEDED,
} from '../wire/results.js'
import type { Span } from '../wire/span.js'

const COMPARE_HEADER_BYTES = 16
const PREVIOUS = ['previous']
const RANGE = ['prefix', 'from', 'to', 'limit', 'reverse', 'keysOnly']
/** Transactions inside transactions. */
const TXN_DEPTH_MAX = 8

const targets: Record<CompareTarget, number> = {
  version: CompareTargetKind.VERSION,
  createRevision: CompareTargetKind.CREATE,
  modRevision: CompareTargetKind.MOD,
  value: CompareTargetKind.VALUE,
  lease: CompareTargetKind.LEASE,
}
const operators: Record<CompareOperator, number> = {
  '=': CompareResultKind.EQUAL,
  '!=': CompareResultKind.NOT_EQUAL,
  '<': CompareResultKind.LESS,
  '>': CompareResultKind.GREATER,
}

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

/** Bytes of a transaction whose request is as large as one may be. */
const TXN_BYTES_MAX = limits.requestBytesMax - WRITE_HEADER_BYTES

/** A buffer that grows. */
class Growing implements operations.Target {
  bytes: Buffer = Buffer.allocUnsafeSlow(1024)
  view = new DataView(this.bytes.buffer)
  length = 0

  /** Makes room for `more` bytes after `length`. REQUEST_TOO_LARGE. */
  room(more: number): number {
    const needed = this.length + more
    if (needed > TXN_BYTES_MAX) {
      throw new RafterError('REQUEST_TOO_LARGE', `the transaction has more than ${TXN_BYTES_MAX} bytes; split it`)
    }
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length))
      this.bytes.copy(larger, 0, 0, this.length)
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    return this.length
  }
}

/** The bytes of a transaction. INVALID_ARGUMENT, TOO_MANY_OPERATIONS, REQUEST_TOO_LARGE, or what is wrong with a key. */
export function encodeTxn(parts: TxnParts, valueBytesMax: number): Uint8Array {
  const out = new Growing()
  appendTxn(out, parts, valueBytesMax, 0)
  return out.bytes.subarray(0, out.length)
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

/** What the transaction `parts` resulted in. */
export function decodeTxn<A extends As>(result: Result, parts: TxnParts, as: A): TxnResult<A> {
  const succeeded = (result.flags & TXN_SUCCEEDED) !== 0
  return { succeeded, revision: result.revision, results: decodeBranch(result, succeeded ? parts.then : parts.else, as) }
}

function appendTxn(out: Growing, parts: TxnParts, valueBytesMax: number, depth: number): void {
  if (depth > TXN_DEPTH_MAX) throw new RafterError('INVALID_ARGUMENT', `transactions are nested more than ${TXN_DEPTH_MAX} deep`)
  const at = out.room(operations.TXN_HEADER_BYTES)
  out.length += operations.TXN_HEADER_BYTES
  const compareBytes = appendAll(out, parts.if, 'if', (part) => appendCompare(out, part))
  const appendOne = (part: TxnOperation) => appendOperation(out, part, valueBytesMax, depth)
  const thenBytes = appendAll(out, parts.then, 'then', appendOne)
  const elseBytes = appendAll(out, parts.else, 'else', appendOne)
  const { view } = out
  view.setUint16(at, OperationKind.TXN, true)
  view.setUint16(at + 2, parts.if.length, true)
  view.setUint16(at + 4, parts.then.length, true)
  view.setUint16(at + 6, parts.else.length, true)
  view.setUint32(at + 8, compareBytes, true)
  view.setUint32(at + 12, thenBytes, true)
  view.setUint32(at + 16, elseBytes, true)
}

function appendAll<T>(out: Growing, parts: T[], name: string, append: (part: T) => void): number {
  if (!Array.isArray(parts)) throw new RafterError('INVALID_ARGUMENT', `${name} must be an array, not ${describe(parts)}`)
  if (parts.length > limits.txnOperationsMax) {
    throw new RafterError(
      'TOO_MANY_OPERATIONS',
      `${name} has ${parts.length} operations; the limit is ${limits.txnOperationsMax}`,
    )
  }
  const start = out.length
  for (const part of parts) {
    if (typeof part !== 'object' || part === null) {
      throw new RafterError(
        'INVALID_ARGUMENT',
        `${name} takes what compare(), put(), del(), get() and range() return, not ${describe(part)}`,
      )
    }
    append(part)
  }
  return out.length - start
}

function appendOperation(out: Growing, part: TxnOperation, valueBytesMax: number, depth: number): void {
  switch (part.type) {
    case 'put': {
      const at = out.room(operations.PUT_HEADER_BYTES + bytesRoom(part.key, 'key') + bytesRoom(part.value, 'value'))
      const flags = part.previous === true ? operations.PREVIOUS_PAIR : 0
      out.length = operations.writePut(out, at, part.key, part.value, flags, valueBytesMax)
      return
    }
    case 'delete': {
      const { prefix, from, to } = part
      const span = spanOfPart(part.key, { prefix, from, to }, spanOfExplicit)
      const at = out.room(operations.DELETE_HEADER_BYTES + span.key.length + span.end.length)
      out.length = operations.writeDelete(out, at, span, part.previous === true ? operations.PREVIOUS_PAIR : 0)
      return
    }
    case 'get':
      appendRange(out, spanOfKey(part.key), 0, 0)
      return
    case 'range': {
      const { prefix, from, to, limit = 0 } = part
      if (!Number.isSafeInteger(limit) || limit < 0)
        throw new RafterError('INVALID_ARGUMENT', `limit must be a whole number from 0, not ${shown(limit)}`)
      const flags = (part.reverse === true ? operations.REVERSE : 0) | (part.keysOnly === true ? operations.KEYS_ONLY : 0)
      appendRange(out, spanOfPart(undefined, { prefix, from, to }, spanOf), flags, limit)
      return
    }
    case 'txn':
      appendTxn(out, part, valueBytesMax, depth + 1)
      return
    default:
      throw new RafterError('INVALID_ARGUMENT', `unknown operation ${String((part as { type: unknown }).type)}`)
  }
}

function appendRange(out: Growing, span: Span, flags: number, limit: number): void {
  const at = out.room(operations.RANGE_HEADER_BYTES + span.key.length + span.end.length)
  out.length = operations.writeRange(out, at, span, flags, limit, 0)
}

function appendCompare(out: Growing, part: Compare): void {
  const operator = operators[part.operator]
  const target = targets[part.target]
  if (operator === undefined)
    throw new RafterError('INVALID_ARGUMENT', `the operator must be =, !=, < or >, not ${String(part.operator)}`)
  if (target === undefined) {
    throw new RafterError(
      'INVALID_ARGUMENT',
      `the target must be one of ${Object.keys(targets).join(', ')}, not ${String(part.target)}`,
    )
  }
  const span = spanOfPart(part.key, part.selection ?? {}, spanOf)
  const operand = operandBytes(part)
  const at = out.room(COMPARE_HEADER_BYTES + span.key.length + span.end.length + operand.length)
  out.view.setUint32(at, operator | (target << 8), true)
  out.view.setUint32(at + 4, span.key.length, true)
  out.view.setUint32(at + 8, span.end.length, true)
  out.view.setUint32(at + 12, operand.length, true)
  let end = at + COMPARE_HEADER_BYTES
  for (const bytes of [span.key, span.end, operand]) {
    out.bytes.set(bytes, end)
    end += bytes.length
  }
  out.length = end
}

function operandBytes({ target, operand }: Compare): Uint8Array {
  if (target === 'value') {
    if (typeof operand === 'number')
      throw new RafterError('INVALID_ARGUMENT', 'a value is compared with a string or a Uint8Array')
    return toBytes(operand, 'operand')
  }
  if (typeof operand !== 'number' || !Number.isSafeInteger(operand) || operand < 0) {
    throw new RafterError('INVALID_ARGUMENT', `${target} is compared with a whole number from 0, not ${shown(operand)}`)
  }
  const bytes = new Uint8Array(8)
  writeU64(new DataView(bytes.buffer), 0, operand)
  return bytes
}

function spanOfPart(
  key: Bytes | undefined,
  selection: Partial<Record<keyof Selection, Bytes | undefined>>,
  of: typeof spanOf,
): Span {
  const said = selection as Selection
  if (key !== undefined) {
    if (said.prefix !== undefined || said.from !== undefined || said.to !== undefined) {
      throw new RafterError('INVALID_ARGUMENT', 'key cannot be together with prefix, from or to')
    }
    return spanOfKey(key)
  }
  const span = of(said)
  if (span === null) throw new RafterError('INVALID_ARGUMENT', 'no key can be in this range: from and to are the same')
  return span
}

function decodeBranch<A extends As>(result: Result, branch: TxnOperation[], as: A): TxnOperationResult<A>[] {
  const { buffer, start } = result
  const count = buffer.view.getUint32(start, true)
  if (count !== branch.length) throw new RafterError('PROTOCOL_ERROR', `${count} results for ${branch.length} operations`)
  const cursor = new Cursor(buffer)
  let at = start + 4
  return branch.map((part) => {
    at = cursor.read(at)
    if (cursor.code !== 0) throw cursor.error(`txn: ${part.type}`)
    return decodeOperation(cursor, part, as)
  })
}

function decodeOperation<A extends As>(result: Result, part: TxnOperation, as: A): TxnOperationResult<A> {
  const { buffer, start } = result
  switch (part.type) {
    case 'put':
      return (result.flags & PUT_HAS_PREVIOUS) === 0 ? { type: 'put' } : { type: 'put', previous: readPair(buffer, start, as) }
    case 'delete': {
      const deleted = readU64(buffer.view, start)
      return { type: 'delete', deleted, previous: readPairs(buffer, start + 12, buffer.view.getUint32(start + 8, true), as) }
    }
    case 'get':
      return { type: 'get', pair: buffer.view.getUint32(start + 8, true) === 0 ? null : readPair(buffer, start + 12, as) }
    case 'range': {
      const pairs = readPairs(buffer, start + 12, buffer.view.getUint32(start + 8, true), as)
      return { type: 'range', pairs, count: readU64(buffer.view, start), more: (result.flags & RANGE_MORE) !== 0 }
    }
    case 'txn': {
      const succeeded = (result.flags & TXN_SUCCEEDED) !== 0
      return { type: 'txn', succeeded, results: decodeBranch(result, succeeded ? part.then : part.else, as) }
    }
  }
}
