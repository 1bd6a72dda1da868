// Whether a peer may have sent what arrived: a member believes no message that no honest member in no state could send it.
// Says why not, as text; changes nothing. What passes here trips no assertion, and may still be a lie.
import { Message, Role } from './kinds.js'
import type { Log } from './log.js'
import type { Incoming } from './message.js'

/** What the receiver knows. */
export interface Receiver {
  readonly term: number
  /** One of `Role`. */
  readonly role: number
  readonly leader: number
  readonly commit: number
  readonly log: Log
  /** The newest round that it has begun as a leader. */
  readonly round: number
}

/** Indexes, rounds and terms stay far below 2^53, so that what is counted from them is exact. */
const NUMBER_MAX = 2 ** 52

/** Elections that a member may have missed: one a second for a century. A term from a lie must not use up all terms there are. */
const TERM_JUMP_MAX = 2 ** 32

/** Why this message cannot be; empty if it can. Cheap: called for every message. */
export function doubt(receiver: Receiver, message: Incoming): string {
  const { kind, term, handle, runs } = message
  if (!isNumber(kind) || kind < Message.PRE_VOTE || kind > Message.RECOVER_REPLY) return 'its kind is unknown'
  if (!isNumber(term) || term > receiver.term + TERM_JUMP_MAX) return 'its term is out of reach'
  if (!(isNumber(message.a) && isNumber(message.b) && isNumber(message.c) && isNumber(message.d))) return 'a field is no number'
  if (!(isNumber(message.e) && isNumber(message.f))) return 'a field is no number'
  if ((handle !== 0) !== runs.length > 0) return 'its payload and its runs do not agree'
  if (kind === Message.APPEND) return doubtAppend(receiver, message)
  if (handle !== 0) return 'it has entries'
  if (term !== receiver.term) return ''
  if (kind === Message.APPEND_REPLY) return receiver.role === Role.LEADER ? doubtReply(receiver, message) : ''
  if (kind === Message.TIMEOUT_NOW) return leadsNow(receiver, message) ? '' : 'its sender does not lead this term'
  return ''
}

function doubtAppend(receiver: Receiver, message: Incoming): string {
  const { term, a: previous, b: previousTerm, runs } = message
  if (previousTerm > term) return 'the entry before its own is of a later term'
  if ((previous === 0) !== (previousTerm === 0)) return 'the entry before its own has no term'
  let last = previousTerm
  let end = previous
  for (let i = 0; i < runs.length; i += 2) {
    const runTerm = runs[i] as number
    const count = runs[i + 1] as number
    if (!isNumber(runTerm) || runTerm > term || runTerm < last || (i > 0 && runTerm === last) || runTerm === 0) {
      return 'the terms of its entries do not ascend'
    }
    if (!isNumber(count) || count === 0) return 'a run has no entries'
    last = runTerm
    end += count
  }
  if (end > NUMBER_MAX) return 'its indexes are out of reach'
  if (term < receiver.term) return ''
  if (term === receiver.term && !leadsNow(receiver, message)) return 'its sender does not lead this term'
  return agrees(receiver, message) ? '' : 'it replaces what is committed'
}

/** Whether the sender may lead the receiver's term. */
function leadsNow({ role, leader }: Receiver, { from }: Incoming): boolean {
  return role !== Role.LEADER && (leader === 0 || leader === from)
}

/** A leader has what is committed: its entries up to there are the receiver's. Of what was cut only the last one's term is known. */
function agrees({ log, commit }: Receiver, { a: previous, runs }: Incoming): boolean {
  let index = previous + 1
  for (let i = 0; i < runs.length && index <= commit; i += 2) {
    const end = index + (runs[i + 1] as number)
    const from = Math.max(index, log.baseIndex)
    const to = Math.min(end, commit + 1)
    if (from < to && !log.hasRun(from, to, runs[i] as number)) return false
    index = end
  }
  return true
}

function doubtReply({ log, round }: Receiver, { a: index, b: rejected, d: answered, f: previous }: Incoming): string {
  if (answered > round) return 'it answers a round that was not begun'
  if (rejected === 0 && (index > log.lastIndex || previous > log.lastIndex)) return 'it has entries that the leader has not'
  return ''
}

function isNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= NUMBER_MAX
}
