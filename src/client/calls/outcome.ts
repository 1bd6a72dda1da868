// Whether a call that failed was done: one field and one phrase of its error. And what a member said of the reasons. Sends nothing.
import { Code, type ErrorCode } from '../../codes.js'
import { type ErrorDetails, type Outcome, type PeerStatus, RafterError } from '../../errors.js'
import { explain } from '../text/explain.js'
import { RequestKind } from '../wire/request-kinds.js'

const phrases: Record<Outcome, string> = {
  done: 'the write was done',
  'not-done': 'nothing was done',
  unknown: 'the write may or may not be committed, so read before writing again',
}

/** The outcome in words. */
export const phraseOf = (outcome: Outcome): string => phrases[outcome]

/** Codes whose message says the outcome: with others it goes without saying that nothing was done. */
const spoken: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BUSY',
  'DISK_FULL',
  'NO_LEADER',
  'NOT_LEADER',
  'LEADER_LOST',
  'SESSION_EXPIRED',
  'RESULT_FORGOTTEN',
  'TIMEOUT',
  'ABORTED',
  'CLOSED',
  'POISONED',
])

/** Whether requests of a type change what others see. Else they leave nothing behind that could be unknown. */
export const isChange = (type: number): boolean => type === RequestKind.WRITE || type === RequestKind.CHANGE_MEMBERS

/** What is known of a call that a member answered with `code`, or of one that ends with it. `mayBeDone`: some member may have it. */
export function outcomeOf(type: number, code: ErrorCode, mayBeDone: boolean): Outcome {
  if (!isChange(type)) return 'not-done'
  if (code === 'RESULT_FORGOTTEN') return 'done'
  return mayBeDone || code === 'SESSION_EXPIRED' || code === 'LEADER_LOST' || code === 'PROTOCOL_ERROR' ? 'unknown' : 'not-done'
}

/** The error of a call: `said` is what a member said, or why. */
export function failureOf(call: string, code: ErrorCode, said: string, outcome: Outcome): RafterError {
  const { text, details } = splitDetails(said)
  const message = explain(call, code, text)
  return new RafterError(code, spoken.has(code) ? `${message}; ${phrases[outcome]}` : message, { outcome, details })
}

/** The error of a call that the end of everything ends: that has said all there is to say, but for the outcome. */
export function endOf(_call: string, code: ErrorCode, text: string, outcome: Outcome): RafterError {
  return new RafterError(code, outcome === 'unknown' ? `${text}; ${phrases[outcome]}` : text, { outcome })
}

/** TIMEOUT, with what went wrong last: `trouble`, or why nobody can be reached. */
export function timeOutOf(call: string, trouble: string, unreachable: RafterError | null, outcome: Outcome): RafterError {
  const said = splitDetails(trouble)
  const why = unreachable?.message ?? said.text
  const message = `${call}: no answer in time${why === '' ? '' : ` (${why})`}; ${phrases[outcome]}`
  return new RafterError('TIMEOUT', message, { outcome, details: unreachable?.details ?? said.details })
}

/** What went wrong, for the message of a time-out. That there is no leader is in the text. */
export function troubleOf(code: ErrorCode, text: string): string {
  if (text === '') return code
  return code === 'NO_LEADER' ? text : `${code}: ${text}`
}

/** The text of an error and the details that may stand behind it (FORMATS.md, requests and responses). */
export function splitDetails(said: string): { text: string; details: ErrorDetails | undefined } {
  const at = said.indexOf('\0')
  if (at < 0) return { text: said, details: undefined }
  return { text: said.slice(0, at), details: parseDetails(said.slice(at + 1)) }
}

/** Nothing of it if it is not what it should be: the text says the same. */
function parseDetails(json: string): ErrorDetails | undefined {
  try {
    const { members } = JSON.parse(json) as Partial<ErrorDetails>
    return Array.isArray(members) && members.every(isPeerStatus) ? { members } : undefined
  } catch {
    return undefined
  }
}

function isPeerStatus(value: unknown): value is PeerStatus {
  if (typeof value !== 'object' || value === null) return false
  const { name, endpoint, connected, code, message } = value as Partial<PeerStatus>
  const isText = (text: unknown) => text === null || typeof text === 'string'
  const isCode = code === null || (typeof code === 'string' && code in Code)
  return typeof name === 'string' && typeof endpoint === 'string' && typeof connected === 'boolean' && isCode && isText(message)
}
