// The one error type of the public API. Programs match `code`; the message is for people.
import type { ErrorCode } from './codes.js'

/** Every error that rafterdb reports. */
export class RafterError extends Error {
  override readonly name = 'RafterError'
  constructor(
    /** What kind of failure; see `Code` for the list. */
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
