// What the client needs of the native side: bytes out, bytes in. Knows no operations, sessions or retries.
import type { ErrorCode } from '../../codes.js'

/** One way to a member: the member in this process, or a connection to a remote one. */
export interface Port {
  /**
   * Hands over the first `length` bytes of `buffer`: whole requests (a submission of FORMATS.md), copied before it returns.
   * Returns 0, or the number of an error code: BUSY (nothing was taken) or CLOSED (the port is of no use any more).
   */
  submit(buffer: Uint8Array, length: number): number
  /** Copies whole waiting responses into `into`. Returns the bytes copied; 0: none wait; −n: the first one needs n bytes. */
  drain(into: Uint8Array): number
  /**
   * Embedded only: a reader of one key at a time, on this thread, that writes its results to the first `resultBytes` of `memory`
   * and takes its requests from what follows. Whoever opens it keeps the array as it is until it is closed.
   */
  openReader?(memory: Uint8Array, resultBytes: number): KeyReader
  /** Ends the connection; may be called again, and after `lost`. Neither `notify` nor `lost` is called afterwards. */
  close(): void
}

/** Reads one key at a time, synchronously, through memory that was named when it was opened. */
export interface KeyReader {
  /**
   * Reads the key of the request: `[u8 consistency][0][u16 group][u32 keyLen][key]`. Writes one result of FORMATS.md (a range of at
   * most one pair, or an error result such as NO_LEASE) and returns its bytes, header included; −n if it needs n bytes. Never throws
   * for an operating error.
   */
  read(): number
  /** Looks at the memory no more. */
  close(): void
}

/**
 * Makes a port. `endpoint` null: the member in this process; else `host:port` or `unix:/path`. Rejects if there is no connection.
 * `notify` is called on the JS thread when responses wait; it drains until nothing waits.
 * `lost` is called once when the port breaks by itself: a connection that ends, a member that stops.
 */
export type PortFactory = (
  endpoint: string | null,
  notify: () => void,
  lost: (code: ErrorCode, message: string) => void,
) => Promise<Port> | Port
