// What `open` is given, checked and completed: defaults, names, addresses and proportions. Of the process it asks one thing: from
// where a relative directory counts, now, since the app may go elsewhere before the native side looks.
import { resolve } from 'node:path'
import { types } from 'node:util'
import type { OpenOptions } from '../client/api.js'
import { endpointFault, isUnix, type Purpose } from '../endpoint.js'
import { RafterError } from '../errors.js'
import { limits } from '../limits.js'
import { unknownName } from '../nearest.js'
import { checkFounders, type Founders } from './founders.js'
import type { MemberConfig, RaftOptions } from './member.js'

const MIB = 1 << 20

/** Bytes of a cluster token at least: fewer could be tried out. */
const TOKEN_BYTES_MIN = 16

/** Name of the one member of a store without `members`. */
const SOLO = 'solo'

/** Bytes of a log segment: larger for stores that may use more memory. */
const segmentBytes = (memory: number) => (memory >= 128 * MIB ? 64 : 16) * MIB

/** The settings of a member, complete. */
export interface MemberOptions {
  /** Without members for a member that joins: they are asked. Those of a cluster that is founded are the ones with data. */
  config: MemberConfig
  raft: RaftOptions
  /**
   * Whom a member asks to be taken in, and where the others reach it; null: it founds a cluster, or is a founder. `isFounding`: it is the
   * witness of a cluster that is founded, and waits for the others.
   */
  join: { endpoints: readonly string[]; advertise: string; isFounding: boolean } | null
  /** Of the founders that have one, by name. */
  priorities: ReadonlyMap<string, number>
}

/** Checks the options of `open` and fills in the defaults. Throws INVALID_ARGUMENT, ADDRESS_INVALID, MEMBER_UNKNOWN. */
export function memberOptions(options: OpenOptions): MemberOptions {
  if (typeof options !== 'object' || options === null) throw invalid('open takes an object: open({ dataDir: … })')
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name)) throw invalid(`open: ${unknownName('option', name, [...OPTION_NAMES])}`)
  }
  if (typeof options.dataDir !== 'string' || options.dataDir === '')
    throw invalid('dataDir is missing: the directory for this member’s data')
  const given = checkJoin(options)
  const founders = given === null ? checkMembers(options) : { ...NOBODY, name: String(options.name) }
  const { name, endpoint, isWitness, priorities } = founders
  const join = given ?? (isWitness ? joinsOf(founders) : null)
  const members = join === null ? founders.members : []
  const listen = listenAddresses(options.listen ?? (endpoint === '' ? undefined : endpoint))
  if ((members.length > 1 || isWitness) && listen.every(isUnix))
    throw invalid('listen: the other members reach this one over TCP; add its host:port to the Unix socket for clients')
  const memory = whole(options.memory, 'memory', 256 * MIB, 32 * MIB)
  const heartbeatInterval = whole(options.heartbeatInterval, 'heartbeatInterval', 100, 10)
  const electionTimeout = whole(
    options.electionTimeout,
    'electionTimeout',
    Math.max(500, 5 * heartbeatInterval),
    3 * heartbeatInterval,
  )
  return {
    config: {
      name,
      dataDir: resolve(options.dataDir),
      members,
      witness: options.witness === true || isWitness,
      listen,
      durability: oneOf(options.durability, 'durability', ['always', 'interval', 'os']),
      durabilityInterval: whole(options.durabilityInterval, 'durabilityInterval', 10, 1),
      electionTimeout,
      memory,
      valueBytesMax: whole(options.valueBytesMax, 'valueBytesMax', limits.valueBytesMax, 1, limits.valueBytesLargest),
      snapshotBytesPerSecond: whole(options.snapshotBytesPerSecond, 'snapshotBytesPerSecond', 64 * MIB, 0),
      connectionMemory: whole(options.connectionMemory, 'connectionMemory', 256 * MIB, 16 * MIB),
      groups: whole(options.groups, 'groups', 1, 1, limits.groupsMax),
      segmentBytes: segmentBytes(memory),
      cpuAffinity: cpus(options.cpuAffinity),
      clusterToken: token(options.clusterToken),
    },
    raft: {
      heartbeatInterval,
      electionTimeout,
      leaseReads: options.leaseReads ?? true,
      logRetainBytes: whole(options.logRetainBytes, 'logRetainBytes', 256 * MIB, 0),
    },
    join,
    priorities,
  }
}

const NOBODY: Founders = { name: '', endpoint: '', isWitness: false, members: [], priorities: new Map() }

/** The witness of a cluster that is founded joins those that found it. */
function joinsOf({ endpoint, members }: Founders): MemberOptions['join'] {
  return { endpoints: members.map((member) => member.endpoint), advertise: endpoint, isFounding: true }
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof OpenOptions>([
  'dataDir',
  'name',
  'members',
  'join',
  'advertise',
  'witness',
  'priority',
  'signal',
  'listen',
  'durability',
  'durabilityInterval',
  'heartbeatInterval',
  'electionTimeout',
  'leaseReads',
  'memory',
  'valueBytesMax',
  'logRetainBytes',
  'snapshotBytesPerSecond',
  'connectionMemory',
  'groups',
  'history',
  'cpuAffinity',
  'clusterToken',
  'requestTimeout',
  'waitWhenBusy',
  'onFatal',
  'onLog',
  'log',
])

function checkMembers(options: OpenOptions): Founders {
  if (options.members !== undefined) return checkFounders(options.members, options.name)
  const name = options.name ?? SOLO
  const listen = listenAddresses(options.listen)
  // Others may be told it: best what they can reach from elsewhere.
  const endpoint = listen.find((address) => !isUnix(address)) ?? listen[0] ?? ''
  return { ...NOBODY, name, endpoint, members: [{ name, endpoint }] }
}

/** What a member that joins needs besides. */
function checkJoin({ join, advertise, witness, priority, members, name, listen }: OpenOptions): MemberOptions['join'] {
  whole(priority, 'priority', 0, 0, limits.memberPriorityMax)
  oneOf(witness, 'witness', [false, true])
  if (join === undefined) {
    if (witness === true)
      throw invalid('witness goes with join; in a cluster that is founded members says it: { endpoint, witness: true }')
    if (priority !== undefined)
      throw invalid('priority goes with join; in a cluster that is founded members says it: { endpoint, priority }')
    if (advertise !== undefined) throw invalid('advertise goes with join; else the members say where each is reached')
    return null
  }
  if (members !== undefined)
    throw invalid('join and members exclude each other: members found a cluster, join asks one that runs')
  if (typeof name !== 'string' || name === '') throw invalid('name is missing: what shall the others call this member?')
  if (!Array.isArray(join) || join.length === 0) throw invalid('join is an array of at least one address of a member')
  for (const address of join) checkAddress(address, 'connect', 'join')
  const own = advertise ?? listenAddresses(listen).find((address) => !isUnix(address))
  if (own === undefined) throw invalid('join needs listen: the host:port where the others reach this member')
  checkAddress(own, 'member', 'advertise')
  if (/:0+$/.test(own)) throw invalid(`advertise: ${own} names no port; others could not find this member`)
  return { endpoints: join, advertise: own, isFounding: false }
}

/** The addresses that `listen` names, checked. */
function listenAddresses(listen: OpenOptions['listen']): string[] {
  if (listen === undefined) return []
  const addresses: readonly string[] = typeof listen === 'string' ? [listen] : listen
  if (!Array.isArray(addresses) || addresses.length === 0) throw invalid('listen is an address, or an array of at least one')
  for (const address of addresses) checkAddress(address, 'listen', 'listen')
  const twice = addresses.find((address, i) => addresses.indexOf(address) !== i)
  if (twice !== undefined) throw invalid(`listen names ${twice} twice`)
  return [...addresses]
}

function checkAddress(address: unknown, purpose: Purpose, what: string): void {
  const fault = endpointFault(address, purpose)
  if (fault !== null) throw new RafterError('ADDRESS_INVALID', `${what}: ${fault}`)
}

function whole(value: number | undefined, name: string, byDefault: number, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const number = value ?? byDefault
  if (!Number.isSafeInteger(number) || number < min || number > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`
    throw invalid(`${name} is a whole number, ${range}; got ${String(value)}`)
  }
  return number
}

function oneOf<T extends string | boolean>(value: T | undefined, name: string, choices: readonly [T, ...T[]]): T {
  const choice = value ?? choices[0]
  if (!choices.includes(choice)) throw invalid(`${name} is ${choices.join(', ')}; got ${String(value)}`)
  return choice
}

function cpus(value: OpenOptions['cpuAffinity']): readonly number[] | 'numa' | null {
  if (value === undefined || value === 'numa') return value ?? null
  const isNumber = (cpu: unknown) => Number.isInteger(cpu) && Number(cpu) >= 0 && Number(cpu) <= 0xffff_ffff
  if (!Array.isArray(value) || value.length === 0 || !value.every(isNumber)) {
    throw invalid(`cpuAffinity is a list of CPU numbers, such as [0, 1], or 'numa'; got ${JSON.stringify(value)}`)
  }
  const twice = value.find((cpu, i) => value.indexOf(cpu) !== i)
  if (twice !== undefined) throw invalid(`cpuAffinity names CPU ${twice} twice`)
  return value
}

/** The bytes of a cluster token as hexadecimal digits. The token itself is in no message. */
function token(value: OpenOptions['clusterToken']): string | null {
  if (value === undefined) return null
  if (typeof value !== 'string' && !types.isUint8Array(value)) throw invalid('clusterToken is a string or a Uint8Array')
  const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.length < TOKEN_BYTES_MIN)
    throw invalid(`clusterToken needs at least ${TOKEN_BYTES_MIN} bytes, not ${bytes.length}; use random ones`)
  return bytes.toString('hex')
}

/** What is said at each start of a member that strangers can reach and that takes anybody's word; null: nothing. */
export function exposure({ listen, members, clusterToken }: MemberConfig): string | null {
  const exposed = listen.find((address) => !isUnix(address) && !isLoopback(address))
  if (clusterToken !== null || exposed === undefined || members.length === 1) return null
  return (
    `this member listens on ${exposed}, beyond this machine, without a cluster token: whoever reaches that port and says ` +
    'that it is a member is believed, and can stop the cluster; give all members the same clusterToken (serve: --cluster-token-file)'
  )
}

function isLoopback(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(host)
}

function invalid(message: string): RafterError {
  return new RafterError('INVALID_ARGUMENT', message)
}
