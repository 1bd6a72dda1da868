// The native edge's errors: codes and JSON in, RafterErrors out.
import { Code, type ErrorCode } from '../codes.js'
import { RafterError } from '../errors.js'

/** A code's name as the addon gives it; a name this version does not know is INTERNAL. */
export function errorCode(name: string): ErrorCode {
  return name in Code ? (name as ErrorCode) : 'INTERNAL'
}

/** What a call of the addon resolved to; throws if it says `{"code", "text"}`. */
export function parseReply<T>(json: string): T {
  const reply = JSON.parse(json) as T | { code: string; text: string }
  if (typeof reply === 'object' && reply !== null && 'code' in reply) {
    throw new RafterError(errorCode(reply.code), reply.text)
  }
  return reply as T
}
