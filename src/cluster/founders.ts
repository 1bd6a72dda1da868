// Whom a cluster is founded with: where each is, who is a witness, who should lead. A witness founds nothing: it joins the others.
import type { OpenOptions } from '../client/api.js'
import { endpointFault } from '../endpoint.js'
import { RafterError } from '../errors.js'
import { limits } from '../limits.js'
import { majoritiesHaveData } from '../majority.js'
import { unknownName } from '../nearest.js'

export interface Founders {
  name: string
  /** Where this member is. */
  endpoint: string
  isWitness: boolean
  /** Those with data: they found the cluster. */
  members: { name: string; endpoint: string }[]
  /** Of those that have one, by name. */
  priorities: ReadonlyMap<string, number>
}

interface Given {
  name: string
  endpoint: string
  isWitness: boolean
  priority: number
}

const FOUNDER = ['endpoint', 'witness', 'priority']

/** Checks `members` of `open`, and which of them this one is. INVALID_ARGUMENT, ADDRESS_INVALID, MEMBER_UNKNOWN. */
export function checkFounders(members: NonNullable<OpenOptions['members']>, name: string | undefined): Founders {
  const all = Object.entries(members).map(checkFounder)
  if (![1, 3, 5, 7].includes(all.length)) {
    throw invalid(`a cluster has 1, 3, 5 or 7 members, not ${all.length}: an even number survives no more failures than one less`)
  }
  if (new Set(all.map(({ endpoint }) => endpoint)).size !== all.length) throw invalid('two members have the same endpoint')
  const withData = all.filter(({ isWitness }) => !isWitness)
  if (!majoritiesHaveData(all.length, all.length - withData.length)) {
    const names = all.filter(({ isWitness }) => isWitness).map((witness) => witness.name)
    throw invalid(
      `of ${all.length} members ${names.length} are witnesses (${names.join(', ')}): a majority of them would have no data`,
    )
  }
  if (name === undefined) throw invalid('name is missing: which of the members is this one?')
  const self = all.find((member) => member.name === name)
  if (self === undefined) {
    throw new RafterError('MEMBER_UNKNOWN', `${name} is not one of the members: ${all.map((member) => member.name).join(', ')}`)
  }
  const { endpoint, isWitness } = self
  const priorities = new Map(all.filter(({ priority }) => priority > 0).map((member) => [member.name, member.priority]))
  return { name, endpoint, isWitness, members: withData.map(({ name, endpoint }) => ({ name, endpoint })), priorities }
}

function checkFounder([name, given]: [string, NonNullable<OpenOptions['members']>[string]]): Given {
  if (name === '') throw invalid('a member needs a name')
  const founder = typeof given === 'string' ? { endpoint: given } : given
  if (typeof founder !== 'object' || founder === null) throw invalid(`member ${name} must be host:port, or { endpoint, … }`)
  for (const key of Object.keys(founder)) {
    if (!FOUNDER.includes(key)) throw invalid(`member ${name}: ${unknownName('option', key, FOUNDER)}`)
  }
  const { endpoint, witness = false, priority = 0 } = founder
  const fault = endpointFault(endpoint, 'member')
  if (fault !== null) throw new RafterError('ADDRESS_INVALID', `member ${name}: ${fault}`)
  if (typeof witness !== 'boolean') throw invalid(`member ${name}: witness is true or false; got ${String(witness)}`)
  if (!Number.isInteger(priority) || priority < 0 || priority > limits.memberPriorityMax) {
    throw invalid(`member ${name}: priority is a whole number from 0 to ${limits.memberPriorityMax}; got ${String(priority)}`)
  }
  if (witness && priority > 0) throw invalid(`member ${name}: a witness does not lead; give it no priority`)
  return { name, endpoint, isWitness: witness, priority }
}

function invalid(message: string): RafterError {
  return new RafterError('INVALID_ARGUMENT', message)
}
