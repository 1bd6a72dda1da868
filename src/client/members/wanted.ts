// What each change of the members means: from those that there are to those that there shall be. Sends nothing, and does not know which
// of it may be done in one step: the leader does.
import { endpointFault } from '../../endpoint.js'
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import type { MemberRef } from '../api.js'
import { checkNames } from '../arguments/option-names.js'
import { describe, shown } from '../text/describe.js'
import { type ConfiguredMember, PART_INCOMING } from '../wire/membership.js'
import { findMember } from './find-member.js'

/** Who is a member before, or shall be: nobody is on the way in or out. */
export type MemberList = readonly ConfiguredMember[]

/** Who they shall be, and whom it is about. */
export interface Wanted {
  members: MemberList
  member: ConfiguredMember
}

/** Tells what is wanted from what is there. Called again when somebody else was quicker. Throws if it cannot be. */
export type Plan = (members: MemberList) => Wanted

/** A number that nobody else has: random, of 53 bits. */
const drawId = () => 1 + Math.floor(Math.random() * (Number.MAX_SAFE_INTEGER - 1))

export function planAdd(wish: { name: string; endpoint: string }): Plan {
  checkNames(wish, ['name', 'endpoint'])
  const { name, endpoint } = wish
  const added = { id: drawId(), part: 0, name: checkName(name), endpoint: checkEndpoint('add', endpoint) }
  return (members) => {
    const same = members.find((member) => member.name === added.name)
    if (same === undefined) return { members: [...membersBeside('add', members, added), added], member: added }
    if (same.endpoint === added.endpoint) return { members, member: same }
    throw invalid(`add: there is a member ${same.name} at ${same.endpoint}; update it to give it another endpoint`)
  }
}

/** A member that runs, and has drawn its number, takes itself in. */
export function planJoin(joiner: { id: number; name: string; endpoint: string }): Plan {
  return (members) => {
    const known = members.find(({ id }) => id === joiner.id)
    const { name } = joiner
    const other = members.find((member) => member.name === name && member !== known)
    if (other !== undefined && other.part !== 0) {
      throw invalid(
        `join: a voter is called ${name}, whose data directory is another one; join under another name and replace ${name} by it, ` +
          `or remove ${name} first if its directory is lost`,
      )
    }
    // One that learns under that name was added for this one, or was this one with a directory that is lost.
    const rest = members.filter((member) => member !== other && member !== known)
    const member = { ...joiner, part: known?.part ?? 0 }
    const isSo = known !== undefined && known.name === name && known.endpoint === joiner.endpoint
    return { members: isSo ? members : [...membersBeside('join', rest, member), member], member }
  }
}

export function planPromote(ref: MemberRef): Plan {
  const find = finder('promote', ref)
  return (members) => {
    const before = find(members)
    const member = { ...before, part: PART_INCOMING }
    return { members: before.part === PART_INCOMING ? members : replaced(members, member), member }
  }
}

export function planRemove(ref: MemberRef): Plan {
  const find = finder('remove', ref)
  let member: ConfiguredMember | null = null
  return (members) => {
    if (member !== null && !isThere(members, member)) return { members, member }
    member = find(members)
    return { members: without('remove', members, member), member }
  }
}

export function planUpdate(ref: MemberRef, wish: { endpoint: string }): Plan {
  const find = finder('update', ref)
  checkNames(wish, ['endpoint'])
  const to = checkEndpoint('update', wish.endpoint)
  return (members) => {
    const before = find(members)
    const member = { ...before, endpoint: to }
    if (before.endpoint === to) return { members, member }
    membersBeside(
      'update',
      members.filter((other) => other !== before),
      member,
    )
    return { members: replaced(members, member), member }
  }
}

export function planReplace(ref: MemberRef, by: MemberRef): Plan {
  const [find, findNewcomer] = [finder('replace', ref), finder('replace', by)]
  let old: ConfiguredMember | null = null
  return (members) => {
    const newcomer = findNewcomer(members)
    if (old !== null && !isThere(members, old)) return { members, member: newcomer }
    old = find(members)
    if (old.id === newcomer.id) throw invalid(`replace: ${old.name} cannot take its own place`)
    const member = { ...newcomer, part: newcomer.part | old.part }
    return { members: without('replace', replaced(members, member), old), member }
  }
}

/** Whether these are the same members. */
export function isSame(members: MemberList, others: MemberList): boolean {
  const isIn = (member: ConfiguredMember) =>
    others.some(
      ({ id, part, name, endpoint }) =>
        id === member.id && part === member.part && name === member.name && endpoint === member.endpoint,
    )
  return members.length === others.length && members.every(isIn)
}

/** Finds the member that is meant, and that one again: another one may have its name by then. */
function finder(call: string, ref: MemberRef): (members: MemberList) => ConfiguredMember {
  if (typeof ref !== 'string' && typeof ref !== 'number') {
    throw invalid(`${call}: a member is given by name or number, not ${describe(ref)}`)
  }
  let meant = ref
  return (members) => {
    const found = findMember(call, members, meant)
    meant = found.id
    return found
  }
}

function isThere(members: MemberList, { id }: ConfiguredMember): boolean {
  return members.some((member) => member.id === id)
}

function replaced(members: MemberList, by: ConfiguredMember): MemberList {
  return members.map((member) => (member.id === by.id ? by : member))
}

/** All but that one. INVALID_ARGUMENT if nobody is left to vote. */
function without(call: string, members: MemberList, { id, name }: ConfiguredMember): MemberList {
  const rest = members.filter((member) => member.id !== id)
  if (rest.every(({ part }) => part === 0)) {
    throw invalid(`${call}: ${name} is the only voter; promote another member first, or replace ${name} by it`)
  }
  return rest
}

/** The same members, beside whom `added` has room. INVALID_ARGUMENT. */
function membersBeside(call: string, members: MemberList, added: ConfiguredMember): MemberList {
  const at = members.find(({ endpoint }) => endpoint === added.endpoint)
  if (at !== undefined) throw invalid(`${call}: ${added.endpoint} is the endpoint of ${at.name}; give ${added.name} another one`)
  if (members.length < limits.membersMax) return members
  throw invalid(`${call}: a cluster has at most ${limits.membersMax} members; remove one first`)
}

function checkName(name: unknown): string {
  if (typeof name !== 'string' || name === '') throw invalid(`add: name must be a string, and not empty; got ${shown(name)}`)
  const bytes = Buffer.byteLength(name)
  if (bytes <= limits.memberNameBytesMax) return name
  throw invalid(`add: the name has ${bytes} bytes, and may have ${limits.memberNameBytesMax}`)
}

/** ADDRESS_INVALID. */
function checkEndpoint(call: string, endpoint: unknown): string {
  const fault = endpointFault(endpoint, 'member')
  if (fault !== null || typeof endpoint !== 'string') throw addressInvalid(call, fault ?? 'it is no string')
  if (/:0+$/.test(endpoint)) throw addressInvalid(call, `${endpoint} names no port: others could not find it`)
  const bytes = Buffer.byteLength(endpoint)
  if (bytes <= limits.endpointBytesMax) return endpoint
  throw addressInvalid(call, `it has ${bytes} bytes, and may have ${limits.endpointBytesMax}`)
}

function addressInvalid(call: string, fault: string): RafterError {
  return new RafterError('ADDRESS_INVALID', `${call}: endpoint: ${fault}`, { outcome: 'not-done' })
}

function invalid(message: string): RafterError {
  return new RafterError('INVALID_ARGUMENT', message, { outcome: 'not-done' })
}
