// From the body of a response to the promises that wait for it. Knows no ports and no retries.
import { codeName, RafterError } from '../../errors.js'
import { READ_HEADER_BYTES } from '../wire/header.js'
import { readU64 } from '../wire/integers.js'
import { operationBytes } from '../wire/operations.js'
import { RequestKind } from '../wire/request-kinds.js'
import type { Result } from '../wire/results.js'
import { askAgain, type Call } from './call.js'
import { failureOf, outcomeOf } from './outcome.js'
import type { Request } from './request.js'

/** Flag of a WRITE response: every operation was a put and took the next revision. */
export const PLAIN = 1

/** Resolves the puts of a batch from its first revision on. `result` is a cursor whose body is the response's. */
export function settlePlain(request: Request, result: Result): void {
  const { view } = result.buffer
  const first = readU64(view, result.start)
  const count = view.getUint32(result.start + 8, true)
  const { calls } = request
  if (count !== calls.length) settleMalformed(request)
  else for (let i = 0; i < count; i++) (calls[i] as Call).resolve({ revision: first + i })
}

/**
 * Settles each call by its result. Calls that the member had no room to answer go to `again`, with the place and length
 * of their operation in the request's slab.
 */
export function settleEach(request: Request, result: Result, again: (call: Call, at: number, bytes: number) => void): void {
  const { calls } = request
  const bodyEnd = result.end
  let at = result.start
  let operationAt = request.start + READ_HEADER_BYTES
  const reads = request.slab.view
  const isRead = request.type === RequestKind.READ
  for (let i = 0; i < calls.length; i++) {
    if (at >= bodyEnd) {
      settleMalformed(request)
      return
    }
    at = result.read(at)
    const call = calls[i] as Call
    const bytes = isRead ? operationBytes(reads, operationAt) : 0
    if (!call.settled) settle(call, result, operationAt, bytes, again)
    operationAt += bytes
  }
}

/** Settles the one call of a request whose response body is the answer. */
export function settleBody(request: Request, result: Result): void {
  const call = request.calls[0]
  if (call !== undefined && !call.settled) settle(call, result, 0, 0, () => {})
}

function settle(
  call: Call,
  result: Result,
  at: number,
  bytes: number,
  again: (call: Call, at: number, bytes: number) => void,
): void {
  if (result.code !== 0) {
    const code = codeName(result.code)
    call.reject(failureOf(call.name, code, result.errorText(), outcomeOf(call.request?.type ?? 0, code, false)))
    return
  }
  let value: unknown
  try {
    value = call.decode(result, call)
  } catch (error) {
    call.reject(error instanceof RafterError ? error : new RafterError('PROTOCOL_ERROR', String(error), { cause: error }))
    return
  }
  if (value === askAgain) again(call, at, bytes)
  else call.resolve(value)
}

function settleMalformed(request: Request): void {
  for (const call of request.calls) {
    const text = "the member's answer has another number of results than the request had operations"
    call.reject(failureOf(call.name, 'PROTOCOL_ERROR', text, outcomeOf(request.type, 'PROTOCOL_ERROR', true)))
  }
}
