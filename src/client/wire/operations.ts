// Encodes operations (FORMATS.md, Operations) into a slab. The caller made room. Knows no batches and no answers.
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import type { Bytes } from '../api.js'
import { writeBytes } from './bytes.js'
import { writeU64 } from './integers.js'
import { OperationKind } from './request-kinds.js'
import { checkKeyLength, type Span } from './span.js'

/** Where operations are written: a slab, or a transaction's own buffer. */
export interface Target {
  readonly bytes: Buffer
  readonly view: DataView
}

export const PUT_HEADER_BYTES = 12
export const DELETE_HEADER_BYTES = 12
export const RANGE_HEADER_BYTES = 28
export const COMPACT_BYTES = 12
export const RAISE_BYTES = 12
export const TXN_HEADER_BYTES = 20

/** Flags of an operation. */
export const PREVIOUS_PAIR = 1
export const KEYS_ONLY = 1
export const COUNT_ONLY = 2
export const REVERSE = 4
export const NO_COUNT = 8

/** Writes a put at `at`; returns where it ends. KEY_EMPTY, KEY_TOO_LARGE, VALUE_TOO_LARGE: what was written is then void. */
export function writePut(target: Target, at: number, key: Bytes, value: Bytes, flags: number, valueBytesMax: number): number {
  const { bytes, view } = target
  const keyAt = at + PUT_HEADER_BYTES
  const keyLength = writeBytes(bytes, keyAt, key)
  if (keyLength === 0 || keyLength > limits.keyBytesMax) checkKeyLength(keyLength, 'key')
  const valueLength = writeBytes(bytes, keyAt + keyLength, value)
  if (valueLength > valueBytesMax) {
    throw new RafterError('VALUE_TOO_LARGE', `the value has ${valueLength} bytes; the limit is ${valueBytesMax} (valueBytesMax)`)
  }
  view.setUint32(at, OperationKind.PUT | (flags << 8), true)
  view.setUint32(at + 4, keyLength, true)
  view.setUint32(at + 8, valueLength, true)
  return keyAt + keyLength + valueLength
}

/** Writes a delete of a span. */
export function writeDelete(target: Target, at: number, span: Span, flags: number): number {
  target.view.setUint32(at, OperationKind.DELETE_RANGE | (flags << 8), true)
  return writeSpan(target, at + 4, at + DELETE_HEADER_BYTES, span)
}

/** Writes a read of a span. `limit` 0: none; `revision` 0: the current one. */
export function writeRange(target: Target, at: number, span: Span, flags: number, limit: number, revision: number): number {
  const { view } = target
  view.setUint32(at, OperationKind.RANGE | (flags << 8), true)
  writeU64(view, at + 12, limit)
  writeU64(view, at + 20, revision)
  return writeSpan(target, at + 4, at + RANGE_HEADER_BYTES, span)
}

/** Writes a read of one key. KEY_EMPTY, KEY_TOO_LARGE. */
export function writeGet(target: Target, at: number, key: Bytes, revision: number): number {
  const { bytes, view } = target
  const keyAt = at + RANGE_HEADER_BYTES
  const keyLength = writeBytes(bytes, keyAt, key)
  if (keyLength === 0 || keyLength > limits.keyBytesMax) checkKeyLength(keyLength, 'key')
  view.setUint32(at, OperationKind.RANGE, true)
  view.setUint32(at + 4, keyLength, true)
  view.setUint32(at + 8, 0, true)
  writeU64(view, at + 12, 0)
  writeU64(view, at + 20, revision)
  return keyAt + keyLength
}

/** Writes a compaction. */
export function writeCompact(target: Target, at: number, revision: number): number {
  target.view.setUint32(at, OperationKind.COMPACT, true)
  writeU64(target.view, at + 4, revision)
  return at + COMPACT_BYTES
}

/** Writes a raise of the store's revision. */
export function writeRaise(target: Target, at: number, revision: number): number {
  target.view.setUint32(at, OperationKind.RAISE_REVISION, true)
  writeU64(target.view, at + 4, revision)
  return at + RAISE_BYTES
}

/** Bytes of the operation at `at`, which was written here. A kind that is left out does not compile. */
export function operationBytes(view: DataView, at: number): number {
  switch (view.getUint8(at) as OperationKind) {
    case OperationKind.PUT:
    case OperationKind.DELETE_RANGE:
      return PUT_HEADER_BYTES + view.getUint32(at + 4, true) + view.getUint32(at + 8, true)
    case OperationKind.TXN:
      return TXN_HEADER_BYTES + view.getUint32(at + 8, true) + view.getUint32(at + 12, true) + view.getUint32(at + 16, true)
    case OperationKind.COMPACT:
      return COMPACT_BYTES
    case OperationKind.RAISE_REVISION:
      return RAISE_BYTES
    case OperationKind.RANGE:
      return RANGE_HEADER_BYTES + view.getUint32(at + 4, true) + view.getUint32(at + 8, true)
  }
}

function writeSpan({ bytes, view }: Target, lengthsAt: number, keyAt: number, { key, end }: Span): number {
  view.setUint32(lengthsAt, key.length, true)
  view.setUint32(lengthsAt + 4, end.length, true)
  bytes.set(key, keyAt)
  bytes.set(end, keyAt + key.length)
  return keyAt + key.length + end.length
}
