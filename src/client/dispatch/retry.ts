// Which refusals are worth another try. A table, and nothing else.
import type { ErrorCode } from '../../codes.js'
import { RequestKind } from '../wire/request-kinds.js'

/** `again`: nothing was done. `uncertain`: it may have been done, so a write is resent with RETRY. `reject`: tell the caller. */
export type Retry = 'again' | 'uncertain' | 'reject'

/** What to do when a member answers a request with `code`. */
export function retryOf(type: number, code: ErrorCode, embedded: boolean): Retry {
  // What else becomes of these is for whoever asked: another try may mean something else by then.
  if (type === RequestKind.TRANSFER || type === RequestKind.CHANGE_MEMBERS) {
    return code === 'BUSY' || code === 'NO_LEADER' ? 'again' : 'reject'
  }
  switch (code) {
    case 'BUSY':
    case 'NO_LEADER':
    case 'NOT_LEADER':
      return 'again'
    case 'LEADER_LOST':
    case 'TIMEOUT':
      return type === RequestKind.WRITE ? 'uncertain' : 'again'
    case 'CLOSED':
    case 'POISONED':
      // Another member can go on; the one in this process cannot.
      if (embedded) return 'reject'
      return type === RequestKind.WRITE ? 'uncertain' : 'again'
    default:
      return 'reject'
  }
}

const invalid: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INVALID_ARGUMENT',
  'KEY_EMPTY',
  'KEY_TOO_LARGE',
  'VALUE_TOO_LARGE',
  'RANGE_REVERSED',
  'REQUEST_TOO_LARGE',
  'DUPLICATE_KEY',
  'TOO_MANY_OPERATIONS',
])

/** Whether a member refuses a whole batch with `code` because one of its operations is wrong. Nothing was done then. */
export function isInvalid(code: ErrorCode): boolean {
  return invalid.has(code)
}
