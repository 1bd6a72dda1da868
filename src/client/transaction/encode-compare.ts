// Encodes a comparison (FORMATS.md, Operations) of a transaction.
import { RafterError } from '../../errors.js'
import type { Compare, CompareOperator, CompareTarget } from '../api.js'
import { spanOf } from '../arguments/selection.js'
import { shown } from '../text/describe.js'
import { toBytes } from '../wire/bytes.js'
import { writeU64 } from '../wire/integers.js'
import { CompareResultKind, CompareTargetKind } from '../wire/request-kinds.js'
import type { GrowingBuffer } from './growing-buffer.js'
import { spanOfPart } from './part-span.js'

/** `[u8 operator][u8 target][2 × 0][u32 keyLen][u32 endLen][u32 operandLen]`; key, end and operand follow. */
const COMPARE_HEADER_BYTES = 16

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

/** Appends a comparison. INVALID_ARGUMENT, REQUEST_TOO_LARGE, or what is wrong with a key. */
export function appendCompare(out: GrowingBuffer, part: Compare): void {
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
