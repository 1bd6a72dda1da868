// Who the members are and how they are: the two JSON answers of FORMATS.md, checked.
import { RafterError } from '../../errors.js'
import type { Member, MemberStatus } from '../api.js'
import { writeU64 } from './integers.js'

/** A member's part in the configuration: a sum of these; without the first two it learns. */
export const PART_INCOMING = 1
export const PART_OUTGOING = 2
/** It has no data. */
export const PART_WITNESS = 4

/** A member as the answer to MEMBERS has it. */
export interface ConfiguredMember {
  id: number
  name: string
  endpoint: string
  part: number
  priority: number
}

export interface Membership {
  members: ConfiguredMember[]
  /** Index of the configuration that is in force there; 0: the one that the cluster was founded with. */
  index: number
  /** Term of that entry; 0: none, or an older version, which does not say. */
  configurationTerm: number
  /** Id of the leader; 0: none known. */
  leader: number
  /** The latest term that the member knows; 0: an older version, which does not say. */
  term: number
  /** Identity of the cluster; 0: the member does not know it yet. */
  cluster: number
  /** Id of the member that answers; 0: an older version, which does not say. */
  self: number
}

/** Reads the answer to MEMBERS. PROTOCOL_ERROR. */
export function parseMembers(text: string): Membership {
  const parsed = parse(text)
  if (!isObject(parsed)) throw malformed(text)
  const { leader, cluster, self = 0, index = 0, configurationTerm = 0, term = 0 } = parsed
  const isWhole = [leader, cluster, self, index, configurationTerm, term].every((number) => typeof number === 'number')
  if (!Array.isArray(parsed['members']) || !isWhole) throw malformed(text)
  // An older version knows no parts: all vote. Nor priorities.
  const members = parsed['members'].filter(isObject).map(({ id, name, endpoint, part = PART_INCOMING, priority = 0 }) => {
    const areNumbers = typeof id === 'number' && typeof part === 'number' && typeof priority === 'number'
    if (!areNumbers || typeof name !== 'string' || typeof endpoint !== 'string') throw malformed(text)
    return { id, name, endpoint, part, priority }
  })
  return { members, index, configurationTerm, leader, term, cluster, self } as Membership
}

/** Bytes of what is known of the members, in the question that waits until it is something else. */
export const KNOWN_BYTES = 24

/** Writes that; returns where it ends. */
export function writeKnown(view: DataView, at: number, { index, configurationTerm, leader }: Membership): number {
  writeU64(view, at, index)
  writeU64(view, at + 8, configurationTerm)
  writeU64(view, at + 16, leader)
  return at + KNOWN_BYTES
}

/** Whether one's configuration is before the other's, in the order of entries of a log: what was known may be cut off it. */
export function isEarlier(one: Membership, other: Membership): boolean {
  const [term, otherTerm] = [one.configurationTerm, other.configurationTerm]
  return term === otherTerm || term === 0 || otherTerm === 0 ? one.index < other.index : term < otherTerm
}

/** Whether a change of voters is under way. */
export function isJoint({ members }: Membership): boolean {
  return members.some(({ part }) => (part & PART_OUTGOING) !== 0)
}

/** Whether a member votes, in either set. */
export function isVoter({ part }: ConfiguredMember): boolean {
  return (part & (PART_INCOMING | PART_OUTGOING)) !== 0
}

/** Whether it has no data. */
export function isWitness({ part }: ConfiguredMember): boolean {
  return (part & PART_WITNESS) !== 0
}

/** The members as users see them. */
export function shownMembers(membership: Membership): Member[] {
  return membership.members.map((member) => ({
    id: member.id,
    name: member.name,
    endpoint: member.endpoint,
    role: isVoter(member) ? 'voter' : 'learner',
    isWitness: isWitness(member),
    priority: member.priority,
    isLeader: member.id === membership.leader,
    changing: changeOf(member.part & ~PART_WITNESS, isJoint(membership)),
  }))
}

function changeOf(part: number, isUnderWay: boolean): Member['changing'] {
  if (part === PART_OUTGOING) return 'removed'
  return isUnderWay && part === PART_INCOMING ? 'promoted' : null
}

/** Reads the answer to STATUS. PROTOCOL_ERROR. */
export function parseStatus(text: string): MemberStatus {
  const parsed = parse(text)
  if (!isObject(parsed) || typeof parsed['id'] !== 'number') throw malformed(text)
  return parsed as unknown as MemberStatus
}

/** What is known of a member that does not answer. */
export function unreachableStatus({ id, name, endpoint }: ConfiguredMember): MemberStatus {
  return {
    name,
    id,
    endpoint,
    listen: [],
    role: 'unreachable',
    leader: null,
    term: 0,
    lastIndex: 0,
    committed: 0,
    applied: 0,
    revision: 0,
    compactedRevision: 0,
    crowdedRevision: 0,
    stateHash: '',
    sessions: 0,
    diskBytes: 0,
    logMode: '',
    version: '',
    cluster: '',
    formerClusters: [],
    peers: [],
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed(text)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function malformed(text: string): RafterError {
  return new RafterError('PROTOCOL_ERROR', `a member's answer is not what was asked for: ${text.slice(0, 100)}`)
}
