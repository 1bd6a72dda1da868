// What each change of the members means: from those that there are to those that there shall be. Sends nothing, and does not know which
// of it may be done in one step: the leader does.
import { endpointFault } from '../../endpoint.js'
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import { majoritiesHaveData } from '../../majority.js'
import type { MemberRef, MemberUpdate, NewMember } from '../api.js'
import { checkNames } from '../arguments/option-names.js'
import { describe, shown } from '../text/describe.js'
import { type ConfiguredMember, isVoter, isWitness, PART_INCOMING, PART_WITNESS } from '../wire/membership.js'
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

export function planAdd(wish: NewMember): Plan {
  checkNames(wish, ['name', 'endpoint', 'witness', 'priority'])
  const { name, endpoint, witness, priority } = wish
  const added = {
    id: drawId(),
    part: partOf('add', witness),
    priority: checkPriority('add', priority),
    name: checkName(name),
    endpoint: checkEndpoint('add', endpoint),
  }
  return (members) => {
    const same = members.find((member) => member.name === added.name)
    if (same === undefined) return { members: [...membersBeside('add', members, added), added], member: added }
    if (isWitness(same) !== isWitness(added)) throw invalid(`add: ${staysWhatItIs(same)}`)
    if (same.endpoint === added.endpoint) return { members, member: same }
    throw invalid(`add: there is a member ${same.name} at ${same.endpoint}; update it to give it another endpoint`)
  }
}

/** A member that runs, and has drawn its number, takes itself in. */
export function planJoin(joiner: NewMember & { id: number }): Plan {
  const { id, name, endpoint } = joiner
  const own = { id, name, endpoint, part: partOf('join', joiner.witness), priority: checkPriority('join', joiner.priority) }
  return (members) => {
    const known = members.find(({ id }) => id === joiner.id)
    const other = members.find((member) => member.name === name && member !== known)
    if (other !== undefined && isVoter(other)) {
      throw invalid(
        `join: a voter is called ${name}, whose data directory is another one; join under another name and replace ${name} by it, ` +
          `or remove ${name} first if its directory is lost`,
      )
    }
    if (other !== undefined && isWitness(other) !== isWitness(own)) throw invalid(`join: ${staysWhatItIs(other)}`)
    // One that learns under that name was added for this one, or was this one with a directory that is lost.
    const rest = members.filter((member) => member !== other && member !== known)
    const member = { ...own, part: known?.part ?? own.part, priority: joiner.priority ?? (known ?? other)?.priority ?? 0 }
    const isSo = known !== undefined && isSame([known], [member])
    return { members: isSo ? members : [...membersBeside('join', rest, member), member], member }
  }
}

export function planPromote(ref: MemberRef): Plan {
  const find = finder('promote', ref)
  return (members) => {
    const before = find(members)
    const member = { ...before, part: before.part | PART_INCOMING }
    return { members: isVoter(before) ? members : withData('promote', replaced(members, member)), member }
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

export function planUpdate(ref: MemberRef, wish: MemberUpdate): Plan {
  const find = finder('update', ref)
  checkNames(wish, ['endpoint', 'priority'])
  if (wish.endpoint === undefined && wish.priority === undefined) throw invalid('update: give an endpoint, a priority, or both')
  const to = wish.endpoint === undefined ? undefined : checkEndpoint('update', wish.endpoint)
  const priority = wish.priority === undefined ? undefined : checkPriority('update', wish.priority)
  return (members) => {
    const before = find(members)
    const member = { ...before, endpoint: to ?? before.endpoint, priority: priority ?? before.priority }
    if (before.endpoint === member.endpoint) return { members: replaced(members, member), member }
    membersBeside(
      'update',
      members.filter((other) => other !== before),
      member,
    )
    return { members: replaced(members, member), member }
  }
}

/** By name; of all that are not named 0. Unless somebody has one already. */
export function planPriorities(priorities: ReadonlyMap<string, number>): Plan {
  return (members) => {
    const isGiven = members.some(({ priority }) => priority !== 0)
    const wanted = members.map((member) => ({ ...member, priority: priorities.get(member.name) ?? 0 }))
    return { members: isGiven ? members : wanted, member: members[0] as ConfiguredMember }
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
    const member = { ...newcomer, part: newcomer.part | (old.part & PART_INCOMING) }
    return { members: without('replace', replaced(members, member), old), member }
  }
}

/** Whether these are the same members. */
export function isSame(members: MemberList, others: MemberList): boolean {
  const isIn = (member: ConfiguredMember) =>
    others.some(
      ({ id, part, priority, name, endpoint }) =>
        id === member.id &&
        part === member.part &&
        priority === member.priority &&
        name === member.name &&
        endpoint === member.endpoint,
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
  if (!rest.some(isVoter)) {
    throw invalid(`${call}: ${name} is the only voter; promote another member first, or replace ${name} by it`)
  }
  return withData(call, rest)
}

/** The same members. INVALID_ARGUMENT if so many would be witnesses that a majority could do without the data. */
function withData(call: string, members: MemberList): MemberList {
  const voters = members.filter(isVoter)
  const witnesses = voters.filter(isWitness)
  if (majoritiesHaveData(voters.length, witnesses.length)) return members
  const names = witnesses.map(({ name }) => name).join(', ')
  throw invalid(
    `${call}: of ${voters.length} voters ${witnesses.length} would be witnesses (${names}), and a majority of them would have no data; ` +
      'remove a witness first, or promote a member with data',
  )
}

function partOf(call: string, witness: unknown): number {
  if (witness === undefined || typeof witness === 'boolean') return witness === true ? PART_WITNESS : 0
  throw invalid(`${call}: witness is true or false, not ${describe(witness)}`)
}

function checkPriority(call: string, priority: unknown): number {
  if (priority === undefined) return 0
  if (typeof priority === 'number' && Number.isInteger(priority) && priority >= 0 && priority <= limits.memberPriorityMax) {
    return priority
  }
  throw invalid(`${call}: priority is a whole number from 0 to ${limits.memberPriorityMax}; got ${shown(priority)}`)
}

function staysWhatItIs(member: ConfiguredMember): string {
  const what = isWitness(member) ? 'a witness' : 'a member with data'
  return `${member.name} is ${what}, and stays that; remove it first, and add it anew`
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
