// Which member somebody means. MEMBER_UNKNOWN says who there are, and who is probably meant.
import { RafterError } from '../../errors.js'
import { closest } from '../../nearest.js'
import type { MemberRef } from '../api.js'

/** The member of that name, or else of that number, which may be written as text. MEMBER_UNKNOWN. */
export function findMember<M extends { id: number; name: string }>(call: string, members: readonly M[], ref: MemberRef): M {
  const found = members.find(({ name }) => name === ref) ?? members.find(({ id }) => String(id) === String(ref))
  if (found !== undefined) return found
  const names = members.map(({ name }) => name)
  const near = closest(String(ref), names)
  const meant = near === undefined ? '' : `; did you mean ${near}?`
  throw new RafterError('MEMBER_UNKNOWN', `${call}: there is no member ${ref}${meant}; members: ${names.join(', ')}`, {
    outcome: 'not-done',
  })
}
