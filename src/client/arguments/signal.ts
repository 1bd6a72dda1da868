// Whether a caller's signal is one, and what a call rejects with once it has aborted. Listens to none.
import { type Outcome, RafterError } from '../../errors.js'
import type { CallOptions } from '../api.js'
import { describe } from '../text/describe.js'

/** ABORTED if the signal has aborted already, INVALID_ARGUMENT if it is none. */
export function checkSignal(signal: CallOptions['signal'], name: string): void {
  if (signal === undefined) return
  if (!isSignal(signal)) {
    throw new RafterError('INVALID_ARGUMENT', `signal must be an AbortSignal, not ${describe(signal)}`)
  }
  if (signal.aborted) throw abortError(name, signal, 'nothing was done', 'not-done')
}

/** An AbortSignal of this realm, or what does the same: one of another, or of a library. */
function isSignal(signal: unknown): signal is AbortSignal {
  if (signal instanceof AbortSignal) return true
  const { aborted, addEventListener, removeEventListener } = (signal ?? {}) as Partial<AbortSignal>
  return typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
}

/** ABORTED, with the signal's reason as its cause. */
export function abortError(name: string, signal: AbortSignal | undefined, text: string, outcome: Outcome): RafterError {
  return new RafterError('ABORTED', `${name}: aborted by its signal; ${text}`, { cause: signal?.reason, outcome })
}
