// The options of a call, whatever it calls.

/** What every call takes. */
export interface CallOptions {
  /** Aborts the call: it rejects with ABORTED. A write that was already sent may still be committed: see the error's `outcome`. */
  signal?: AbortSignal | undefined
  /** Milliseconds until the call rejects with TIMEOUT. Default: `requestTimeout` of the database, 5,000. */
  timeout?: number | undefined
}
