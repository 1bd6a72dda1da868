// Whether a peer may have sent what arrived: a member believes no message that no honest member in no state could send it.
// Says why not, as text; changes nothing. What passes here trips no assertion, and may still be a lie.

import { type ConfigurationEntry, isConfiguration } from './configuration.js'
import type { Log } from './log.js'
import { type Append, type AppendReply, type Incoming, isNumber, NUMBER_MAX } from './message.js'
import { Message, Role } from './raft-kinds.js'

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

/** Elections that a member may have missed: one a second for a century. A term from a lie must not use up all terms there are. */
const TERM_JUMP_MAX = 2 ** 32

/** Why this message cannot be; empty if it can. Cheap: called for every message. */
export function doubt(receiver: Receiver, message: Incoming): string {
  const { term, handle, runs } = message
  if (!isNumber(term) || term > receiver.term + TERM_JUMP_MAX) return 'its term is out of reach'
  if (message.flaw !== '') return message.flaw
  if ((handle !== 0) !== runs.length > 0) return 'its payload and its runs do not agree'
  if (message.kind === Message.APPEND) return doubtAppend(receiver, message)
  if (handle !== 0) return 'it has entries'
  if (term !== receiver.term) return ''
  if (message.kind === Message.APPEND_REPLY) return receiver.role === Role.LEADER ? doubtReply(receiver, message) : ''
  if (message.kind === Message.TIMEOUT_NOW) return leadsNow(receiver, message) ? '' : 'its sender does not lead this term'
  return ''
}

function doubtAppend(receiver: Receiver, message: Incoming & Append): string {
  const { term, previousIndex, previousTerm, runs } = message
  if (previousTerm > term) return 'the entry before its own is of a later term'
  if ((previousIndex === 0) !== (previousTerm === 0)) return 'the entry before its own has no term'
  let last = previousTerm
  let end = previousIndex
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
  if (!areConfigurations(message.configurations, end - previousIndex)) return 'a configuration cannot be'
  if (term < receiver.term) return ''
  if (term === receiver.term && !leadsNow(receiver, message)) return 'its sender does not lead this term'
  return agrees(receiver, message) ? '' : 'it replaces what is committed'
}

/** Whether these can be in a payload of so many entries. */
function areConfigurations(configurations: readonly ConfigurationEntry[], count: number): boolean {
  return configurations.every(
    ({ at, parts }, i) => at > (configurations[i - 1]?.at ?? -1) && at < count && Number.isInteger(at) && isConfiguration(parts),
  )
}

/** Whether the sender may lead the receiver's term. */
function leadsNow({ role, leader }: Receiver, { from }: Incoming): boolean {
  return role !== Role.LEADER && (leader === 0 || leader === from)
}

/** A leader has what is committed: its entries up to there are the receiver's. Of what was cut only the last one's term is known. */
function agrees({ log, commit }: Receiver, { previousIndex, runs }: Incoming & Append): boolean {
  let index = previousIndex + 1
  for (let i = 0; i < runs.length && index <= commit; i += 2) {
    const end = index + (runs[i + 1] as number)
    const from = Math.max(index, log.baseIndex)
    const to = Math.min(end, commit + 1)
    if (from < to && !log.hasRun(from, to, runs[i] as number)) return false
    index = end
  }
  return true
}

function doubtReply({ log, round }: Receiver, answer: AppendReply): string {
  const { index, rejected, previousIndex } = answer
  if (answer.round > round) return 'it answers a round that was not begun'
  if (!rejected && (index > log.lastIndex || previousIndex > log.lastIndex)) return 'it has entries that the leader has not'
  return ''
}
