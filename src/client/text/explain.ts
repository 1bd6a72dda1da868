// What an error of a call says to people: what the member said, and what can be done about it. Knows no calls.
import type { ErrorCode } from '../../codes.js'

const advice: Partial<Record<ErrorCode, string>> = {
  BUSY: 'a queue of the member is full; wait a little, or leave waitWhenBusy on',
  COMPACTED: 'that revision has been compacted away; read a newer one',
  FUTURE_REVISION: 'that revision does not exist yet; read an older one, or leave revision out',
  SESSION_EXPIRED: 'the cluster no longer remembers this session',
  RESULT_FORGOTTEN: 'its result is no longer kept; read the keys to see it',
  STALE: 'this member is further behind than maxStaleness allows; raise it, or ask another member',
  NO_LEASE: 'this member cannot read synchronously now; use `await db.get(key)`, or consistency: serializable',
  POISONED: 'an earlier write to disk failed and the member has stopped; see its first error, then restart it',
  MEMBERS_CHANGING: 'another change of the members is under way, or one was made meanwhile; look at the members and try again',
  MEMBER_BEHIND: 'it votes once it has what the others have; see that it runs, and try again',
  QUORUM_AT_RISK:
    'too few of the voters that there would be answer now; start those that are down, or remove one of them instead',
  MEMBER_REMOVED: 'a new member, in an empty data directory, can join',
  WATCH_LOST: 'changes that the watch has not seen were compacted away; read the keys again, then watch from there',
}

/** A sentence for an error of `call`: what the member said, and what can be done. */
export function explain(call: string, code: ErrorCode, text: string): string {
  const more = advice[code]
  if (text === '') return `${call}: ${more ?? code}`
  return more === undefined ? `${call}: ${text}` : `${call}: ${text} (${more})`
}
