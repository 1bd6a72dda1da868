// Encodes a transaction with all its parts (FORMATS.md, Operations), and checks them on the way.
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import type { TxnOperation } from '../api.js'
import { spanOf, spanOfExplicit, spanOfKey } from '../arguments/selection.js'
import { describe, shown } from '../text/describe.js'
import { bytesRoom } from '../wire/bytes.js'
import * as operations from '../wire/operations.js'
import { OperationKind } from '../wire/request-kinds.js'
import type { Span } from '../wire/span.js'
import { appendCompare } from './encode-compare.js'
import { GrowingBuffer } from './growing-buffer.js'
import { spanOfPart } from './part-span.js'
import type { TxnParts } from './parts.js'

/** Transactions inside transactions. */
const TXN_DEPTH_MAX = 8

/** The bytes of a transaction. INVALID_ARGUMENT, TOO_MANY_OPERATIONS, REQUEST_TOO_LARGE, or what is wrong with a key. */
export function encodeTxn(parts: TxnParts, valueBytesMax: number): Uint8Array {
  const out = new GrowingBuffer()
  appendTxn(out, parts, valueBytesMax, 0)
  return out.bytes.subarray(0, out.length)
}

function appendTxn(out: GrowingBuffer, parts: TxnParts, valueBytesMax: number, depth: number): void {
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

function appendAll<T>(out: GrowingBuffer, parts: T[], name: string, append: (part: T) => void): number {
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

function appendOperation(out: GrowingBuffer, part: TxnOperation, valueBytesMax: number, depth: number): void {
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

function appendRange(out: GrowingBuffer, span: Span, flags: number, limit: number): void {
  const at = out.room(operations.RANGE_HEADER_BYTES + span.key.length + span.end.length)
  out.length = operations.writeRange(out, at, span, flags, limit, 0)
}
