// Who the members are and how they are: the two JSON answers of FORMATS.md, checked.
import { RafterError } from '../../errors.js'
import type { Member, MemberStatus } from '../api.js'

export interface Membership {
  members: Member[]
  /** Id of the leader; 0: none known. */
  leader: number
  /** Identity of the cluster; 0: the member does not know it yet. */
  cluster: number
  /** Id of the member that answers; 0: an older version, which does not say. */
  self: number
}

/** Reads the answer to MEMBERS. PROTOCOL_ERROR. */
export function parseMembers(text: string): Membership {
  const parsed = parse(text)
  if (!isObject(parsed)) throw malformed(text)
  const { leader, cluster, self } = parsed
  if (Array.isArray(parsed['members']) && typeof leader === 'number' && typeof cluster === 'number') {
    const members = parsed['members'].filter(isObject).map(({ id, name, endpoint }) => {
      if (typeof id !== 'number' || typeof name !== 'string' || typeof endpoint !== 'string') throw malformed(text)
      return { id, name, endpoint }
    })
    return { members, leader, cluster, self: typeof self === 'number' ? self : 0 }
  }
  throw malformed(text)
}

/** Reads the answer to STATUS. PROTOCOL_ERROR. */
export function parseStatus(text: string): MemberStatus {
  const parsed = parse(text)
  if (!isObject(parsed) || typeof parsed['id'] !== 'number') throw malformed(text)
  return parsed as unknown as MemberStatus
}

/** What is known of a member that does not answer. */
export function unreachableStatus({ id, name, endpoint }: Member): MemberStatus {
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
    diskBytes: 0,
    logMode: '',
    version: '',
    cluster: '',
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
