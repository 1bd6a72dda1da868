// Reads the values of flags, environment variables and configuration: numbers, durations, sizes, addresses.
// Every function throws InvalidArgumentError, which the command line turns into one line that names the flag.
import { InvalidArgumentError } from 'commander'
import type { Founder, HistoryOptions } from '../client/api.js'
import { endpointFault, type Purpose } from '../endpoint.js'
import { limits } from '../limits.js'

/** A whole number in the bounds given. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(
      max === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number from ${min}.`
        : `It must be a whole number from ${min} to ${max}.`,
    )
  }
}

const MILLISECONDS: Record<string, number> = { '': 1, ms: 1, s: 1_000, m: 60_000 }

/** Milliseconds: `250`, `250ms`, `2s`, `1m`. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|)$/.exec(text)
  const value = match ? Number(match[1]) * (MILLISECONDS[match[2] ?? ''] ?? Number.NaN) : Number.NaN
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a time such as 250ms or 2s.')
  return value
}

/** What history is kept: `1h`, `5000000`, `1h,5000000`, `all`. */
export function history(text: string): HistoryOptions {
  if (text === 'all') return { keep: 'all' }
  const keep = text.split(',').map((part) => {
    const bound = part.trim()
    if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(bound) && Number.parseFloat(bound) > 0) return bound
    if (/^\d+$/.test(bound) && Number.isSafeInteger(Number(bound)) && Number(bound) > 0) return Number(bound)
    throw new InvalidArgumentError('It must be a time such as 1h, a number of revisions, both with a comma between, or all.')
  })
  return { keep }
}

const BYTES: Record<string, number> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
}

/** Bytes: `1048576`, `64MiB`, `1GB`. */
export function bytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text)
  const unit = match ? BYTES[(match[2] ?? '').toUpperCase()] : undefined
  if (!match || unit === undefined) throw new InvalidArgumentError('It must be a size such as 512MiB.')
  return Math.round(Number(match[1]) * unit)
}

const CPU_MAX = 65_535

/** CPUs as Linux lists them, `0-3,8`; or `numa`. */
export function cpuAffinity(text: string): number[] | 'numa' {
  if (text === 'numa') return text
  const cpus = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim())
    const first = Number(match?.[1])
    const last = Number(match?.[2] ?? first)
    if (!match || last < first || last > CPU_MAX)
      throw new InvalidArgumentError('It must be a list of CPUs such as 0-3,8, or numa.')
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu)
  }
  return [...cpus]
}

export function yesOrNo(text: string): boolean {
  if (text === 'true' || text === 'yes' || text === '1') return true
  if (text === 'false' || text === 'no' || text === '0') return false
  throw new InvalidArgumentError('It must be true or false.')
}

export function oneOf<T extends string>(...choices: T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((candidate) => candidate === text)
    if (choice === undefined) throw new InvalidArgumentError(`It must be one of ${choices.join(', ')}.`)
    return choice
  }
}

/** `host:port`, where an IPv6 address stands in brackets; for all but members also `unix:/path`. */
function endpoint(text: string, purpose: Purpose): string {
  const address = text.trim()
  const fault = endpointFault(address, purpose)
  if (fault !== null) throw new InvalidArgumentError(`${fault}.`)
  return address
}

/** `host:port,unix:/path`. */
export function endpoints(text: string): string[] {
  return list(text, 'connect')
}

/** One address to listen on, or several. */
export function listen(text: string): string | string[] {
  const [first = '', ...others] = list(text, 'listen')
  return others.length === 0 ? first : [first, ...others]
}

function list(text: string, purpose: Purpose): string[] {
  const parts = text.split(',').filter((part) => part.trim() !== '')
  if (parts.length === 0) throw new InvalidArgumentError('It must name at least one host:port or unix:/path.')
  return parts.map((part) => endpoint(part, purpose))
}

/** `a=host:port,b=host:port/witness,c=host:port/priority=5`. */
export function members(text: string): Record<string, string | Founder> {
  const result: Record<string, string | Founder> = {}
  for (const part of text.split(',')) {
    const at = part.indexOf('=')
    const name = part.slice(0, at).trim()
    if (at < 1 || name === '') throw new InvalidArgumentError(`"${part}" is not of the form name=host:port.`)
    if (name in result) throw new InvalidArgumentError(`The name "${name}" is there twice.`)
    result[name] = founder(part.slice(at + 1))
  }
  return result
}

/** As `members` reads it. */
export function membersText(members: Readonly<Record<string, string | Founder>>): string {
  const marks = ({ witness, priority }: Founder) =>
    `${witness === true ? '/witness' : ''}${priority === undefined ? '' : `/priority=${priority}`}`
  return Object.entries(members)
    .map(([name, at]) => (typeof at === 'string' ? `${name}=${at}` : `${name}=${at.endpoint}${marks(at)}`))
    .join(',')
}

function founder(text: string): string | Founder {
  const [at = '', ...marks] = text.split('/')
  const address = endpoint(at, 'member')
  if (marks.length === 0) return address
  const found: Founder = { endpoint: address }
  for (const mark of marks) {
    const [, digits] = /^priority=(.*)$/.exec(mark.trim()) ?? []
    if (mark.trim() === 'witness') found.witness = true
    else if (digits !== undefined) found.priority = integer(0, limits.memberPriorityMax)(digits)
    else throw new InvalidArgumentError(`"/${mark}" is neither /witness nor /priority=N.`)
  }
  return found
}
