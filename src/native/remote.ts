// Ports to members elsewhere, over the native protocol.

import type { Port } from '../client/connection/port.js'
import type { ErrorCode } from '../codes.js'
import { errorCode, parseReply } from './errors.js'
import { loadBinding } from './load.js'
import { nativePort } from './port.js'

/** Milliseconds that a connection may take to be made. */
const DIAL_TIMEOUT_MS = 2_000

/** Connects to a member. Rejects with UNREACHABLE, PROTOCOL_VERSION, …; see `PortFactory`. */
export async function dial(
  endpoint: string,
  notify: () => void,
  lost: (code: ErrorCode, message: string) => void,
): Promise<Port> {
  const binding = loadBinding()
  const port = await binding.dial(endpoint, DIAL_TIMEOUT_MS, notify, (code, text) => lost(errorCode(code), text))
  return typeof port === 'string' ? parseReply<never>(port) : nativePort(binding, port)
}
