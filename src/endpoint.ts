// Addresses as people write them: `host:port`, or a Unix socket as `unix:/path`. Owns which of them are well formed; whether one can be
// listened on or reached is for crates/net to say, which reads them again (socket/endpoint.rs).
import { limits } from './limits.js'

/** What an address is for: Unix sockets are for clients, and only who listens may leave the port (0) to the system. */
export type Purpose = 'listen' | 'connect' | 'member'

const UNIX = 'unix:'

/** Whether it is a Unix socket's: its path is absolute, so that it means the same to every process. */
export const isUnix = (endpoint: string): boolean => endpoint.startsWith(`${UNIX}/`)

/** What is wrong with an address; null: nothing. */
export function endpointFault(text: unknown, purpose: Purpose): string | null {
  const endpoint = String(text)
  if (typeof text === 'string' && isUnix(text)) return purpose === 'member' ? overTcp(text) : unixFault(text)
  const port = typeof text === 'string' ? /^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\],=/]+):(\d{1,5})$/.exec(text)?.[1] : undefined
  const least = purpose === 'connect' ? 1 : 0
  if (port !== undefined && Number(port) >= least && Number(port) <= 65_535) return null
  const forms = purpose === 'member' ? '' : ', nor unix:/path'
  return `${endpoint} is not host:port, such as 127.0.0.1:7101${forms}`
}

function overTcp(endpoint: string): string {
  return `${endpoint} is a Unix socket, and members reach each other over TCP: give host:port, and listen on both`
}

function unixFault(endpoint: string): string | null {
  const path = endpoint.slice(UNIX.length)
  const bytes = Buffer.byteLength(path)
  if (path.includes('\0')) return `${JSON.stringify(endpoint)}: a path has no zero bytes`
  if (bytes <= limits.unixPathBytesMax) return null
  return `${endpoint}: the path has ${bytes} bytes, a Unix socket's has at most ${limits.unixPathBytesMax}; choose a shorter one`
}
