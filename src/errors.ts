// The one error type of the public API. Programs match `code`; the message is for people.
import { Code, type ErrorCode } from './codes.js'

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

const names = new Map<number, ErrorCode>()
for (const [name, number] of Object.entries(Code)) names.set(number, name as ErrorCode)

/** The name of a code that came as a number; INTERNAL for a number that no version of the table has. */
export function codeName(number: number): ErrorCode {
  return names.get(number) ?? 'INTERNAL'
}
