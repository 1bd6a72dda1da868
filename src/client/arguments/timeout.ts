// How long a call may take, as its caller says it.
import { RafterError } from '../../errors.js'
import { shown } from '../text/describe.js'

/** Longest time-out, ms: what a timer can hold. */
export const TIMEOUT_MAX_MS = 2_147_483_647

/** The milliseconds that a call may take. INVALID_ARGUMENT for anything but a positive number. */
export function checkTimeout(timeout: unknown, name = 'timeout'): number {
  if (typeof timeout !== 'number' || !(timeout > 0)) {
    throw new RafterError('INVALID_ARGUMENT', `${name} must be a positive number of milliseconds, not ${shown(timeout)}`)
  }
  return Math.min(timeout, TIMEOUT_MAX_MS)
}
