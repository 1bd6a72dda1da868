// The one error type of the public API. Programs match `code`; the message is for people.
import { Code, type ErrorCode } from './codes.js'

/**
 * Whether a call that failed has had an effect. `not-done`: none, and none will come of it. `unknown`: it may be done or may still
 * be, so read before writing again. `done`: it was, though its result is lost.
 */
export type Outcome = 'done' | 'not-done' | 'unknown'

/** How it stands between the member that answered and another one, or between a client and an endpoint. */
export interface PeerStatus {
  /** Empty if it is not known. */
  name: string
  endpoint: string
  /** Whether it is reached now. */
  connected: boolean
  /** Why it is not: UNREACHABLE, CLUSTER_MISMATCH (another list of members), TOKEN_MISMATCH, NAME_IN_USE, …; null: no reason yet. */
  code: ErrorCode | null
  /** The same for people. */
  message: string | null
}

/** What is known of the reasons. */
export interface ErrorDetails {
  /** With NO_LEADER and what follows from it: the other members as the one that answered sees them. With UNREACHABLE: the endpoints. */
  members: PeerStatus[]
}

/** What an error may carry besides its code and message. */
export interface RafterErrorOptions extends ErrorOptions {
  outcome?: Outcome | undefined
  details?: ErrorDetails | undefined
}

/** Every error that rafterdb reports. */
export class RafterError extends Error {
  override readonly name = 'RafterError'
  /** Whether the call has had an effect; absent where there was no call: `open`, `connect`, `onFatal`. */
  declare readonly outcome?: Outcome
  /** Who is not reached, and why, where that is the reason. */
  declare readonly details?: ErrorDetails
  constructor(
    /** What kind of failure; see `Code` for the list. */
    readonly code: ErrorCode,
    message: string,
    options?: RafterErrorOptions,
  ) {
    super(message, options)
    if (options?.outcome !== undefined) this.outcome = options.outcome
    if (options?.details !== undefined) this.details = options.details
  }
}

const names = new Map<number, ErrorCode>()
for (const [name, number] of Object.entries(Code)) names.set(number, name as ErrorCode)

/** The name of a code that came as a number; INTERNAL for a number that no version of the table has. */
export function codeName(number: number): ErrorCode {
  return names.get(number) ?? 'INTERNAL'
}
