// The settings of `serve`: where each value comes from, and which wins. Flags > environment > file > defaults.
// Knows nothing of how a member uses them.
import { readFileSync } from 'node:fs'
import type { Founder, HistoryOptions, OpenOptions } from '../client/api.js'
import { closest } from '../nearest.js'
import { UsageError } from './failures.js'
import {
  bytes,
  cpuAffinity,
  duration,
  endpoints,
  history,
  integer,
  listen,
  members,
  membersText,
  oneOf,
  yesOrNo,
} from './parse.js'

type Key = Exclude<keyof OpenOptions, 'onFatal' | 'onLog' | 'log' | 'signal' | 'clusterToken'> | 'clusterTokenFile'

/** Settings as the command line has parsed them. */
export type SettingFlags = { [key in Key]?: unknown }

interface Setting {
  key: Key
  /** What stands for the value in the help. */
  value: string
  text: string
  parse(text: string): unknown
  default?: unknown
}

const MIB = 2 ** 20

/** As `open` has it. */
const SNAPSHOT_BYTES_PER_SECOND = 64 * MIB

/** Every setting, in the order in which they are printed. */
export const settings: Setting[] = [
  { key: 'name', value: 'name', text: "this member's name", parse: (text) => text },
  { key: 'dataDir', value: 'dir', text: 'directory of its data', parse: (text) => text, default: './data' },
  {
    key: 'members',
    value: 'list',
    text: 'all members of the cluster: name=host:port,…; with /witness or /priority=N behind the address of one',
    parse: members,
  },
  { key: 'join', value: 'list', text: 'members of a cluster to become one of: host:port,…', parse: endpoints },
  {
    key: 'listen',
    value: 'list',
    text: "where to listen: host:port, unix:/path or both (default: this member's)",
    parse: listen,
  },
  {
    key: 'advertise',
    value: 'address',
    text: 'with --join: where the others reach it (default: where it listens)',
    parse: (text) => text,
  },
  {
    key: 'witness',
    value: 'bool',
    text: 'with --join: it votes without the data, and never leads',
    parse: yesOrNo,
  },
  {
    key: 'priority',
    value: 'number',
    text: 'with --join: of those that can lead the one with the highest does, 0 to 255',
    parse: integer(0, 255),
  },
  { key: 'memory', value: 'size', text: 'memory that the store may use', parse: bytes, default: 256 * MIB },
  {
    key: 'durability',
    value: 'mode',
    text: 'when a write is acknowledged: always (on disk); interval or os (synced later: a majority of machines going down loses it)',
    parse: oneOf('always', 'interval', 'os'),
    default: 'always',
  },
  { key: 'durabilityInterval', value: 'time', text: 'time between syncs with durability interval', parse: duration, default: 10 },
  { key: 'heartbeatInterval', value: 'time', text: 'time between heartbeats', parse: duration, default: 100 },
  { key: 'electionTimeout', value: 'time', text: 'time without a leader before an election', parse: duration, default: 500 },
  { key: 'leaseReads', value: 'bool', text: "read under the leader's lease", parse: yesOrNo, default: true },
  { key: 'valueBytesMax', value: 'size', text: 'largest value', parse: bytes, default: 1.5 * MIB },
  { key: 'logRetainBytes', value: 'size', text: 'log kept for members that lag', parse: bytes, default: 256 * MIB },
  {
    key: 'snapshotBytesPerSecond',
    value: 'size',
    text: 'of snapshots that go to other members, all together; 0: as many as there are',
    parse: bytes,
    default: SNAPSHOT_BYTES_PER_SECOND,
  },
  {
    key: 'connectionMemory',
    value: 'size',
    text: 'what all clients may hold together: requests half arrived, reads and watches, answers not read',
    parse: bytes,
    default: 256 * MIB,
  },
  {
    key: 'groups',
    value: 'count',
    text: 'Raft groups of this member; all keys are in the first one, whatever is said here',
    parse: integer(1),
    default: 1,
  },
  {
    key: 'history',
    value: 'bounds',
    text: 'history that is kept: a time, a number of revisions, or both, such as 1h,5000000; or all',
    parse: history,
    default: { keep: ['1h', 5_000_000] },
  },
  { key: 'cpuAffinity', value: 'list', text: 'CPUs that its threads run on, such as 0-3,8, or numa', parse: cpuAffinity },
  { key: 'clusterTokenFile', value: 'file', text: 'file with the secret that the members share', parse: (text) => text },
  { key: 'requestTimeout', value: 'time', text: 'time until a call fails', parse: duration, default: 5_000 },
  { key: 'waitWhenBusy', value: 'bool', text: 'wait while a queue is full instead of failing', parse: yesOrNo, default: true },
]

/** Where `serve` listens when it is the only member and nothing else is said. */
const LISTEN_DEFAULT = '127.0.0.1:7101'

export interface EffectiveSetting {
  key: Key
  value: unknown
  /** `--memory`, `RAFTERDB_MEMORY`, the file's name, or `default`. */
  origin: string
}

export const flagOf = (key: Key): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
export const envOf = (key: Key): string => `RAFTERDB_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

/** Every setting that has a value, with its origin. Throws UsageError. */
export function effectiveSettings(
  flags: SettingFlags,
  env: Record<string, string | undefined>,
  file: string | undefined,
): EffectiveSetting[] {
  const fromFile = file === undefined ? {} : readConfigFile(file)
  const result: EffectiveSetting[] = []
  for (const setting of settings) {
    const { key } = setting
    const fromEnv = env[envOf(key)]
    if (flags[key] !== undefined) result.push({ key, value: flags[key], origin: flagOf(key) })
    else if (fromEnv !== undefined && fromEnv !== '')
      result.push({ key, value: parseAs(setting, fromEnv, envOf(key)), origin: envOf(key) })
    else if (fromFile[key] !== undefined)
      result.push({ key, value: parseAs(setting, fromFile[key], `${key} in ${file}`), origin: file ?? '' })
    else if (setting.default !== undefined) result.push({ key, value: setting.default, origin: 'default' })
  }
  return addImplied(result)
}

/** The settings as `open` takes them. */
export function openOptions(effective: EffectiveSetting[]): OpenOptions {
  const { clusterTokenFile, ...entries } = Object.fromEntries(effective.map(({ key, value }) => [key, value]))
  const token = clusterTokenFile === undefined ? {} : { clusterToken: readToken(String(clusterTokenFile)) }
  return { dataDir: './data', ...entries, ...token }
}

/** The secret stands in a file, where neither the list of processes nor the printed settings show it. */
function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new UsageError(`cannot read the cluster token from ${file}: ${(error as Error).message}`)
  }
}

/** Sizes and times as people write them. */
export function formatSetting({ key, value }: EffectiveSetting): string {
  if (key === 'members') return membersText(value as Record<string, string | Founder>)
  if (key === 'history') return String((value as HistoryOptions).keep)
  if (typeof value !== 'number' || key === 'groups' || key === 'priority') return String(value)
  if (!/memory|bytes/i.test(key)) return `${value}ms`
  return value % (MIB / 2) === 0 ? `${value / MIB}MiB` : `${value}`
}

/** What follows from other settings: the address to listen on, and the name that must be among the members. */
function addImplied(effective: EffectiveSetting[]): EffectiveSetting[] {
  const get = (key: Key) => effective.find((setting) => setting.key === key)?.value
  const all = get('members') as Record<string, string | Founder> | undefined
  const name = get('name') as string | undefined
  if (get('join') !== undefined) {
    if (all !== undefined) throw new UsageError('--join and --members exclude each other: --members founds a cluster')
    if (name === undefined) throw new UsageError('--join needs --name: what shall the others call this member?')
    if (get('listen') === undefined)
      throw new UsageError('--join needs --listen: the host:port where the others reach this member')
    return effective
  }
  if (all === undefined) {
    if (get('listen') !== undefined) return effective
    return insert(effective, { key: 'listen', value: LISTEN_DEFAULT, origin: 'default' })
  }
  const names = Object.keys(all).join(', ')
  if (name === undefined) throw new UsageError(`--members needs --name: which of ${names} is this member?`)
  const own = all[name]
  if (own === undefined) throw new UsageError(`--name ${name} is not among --members (${names})`)
  if (get('listen') !== undefined) return effective
  return insert(effective, { key: 'listen', value: typeof own === 'string' ? own : own.endpoint, origin: 'members' })
}

function insert(effective: EffectiveSetting[], setting: EffectiveSetting): EffectiveSetting[] {
  const order = (key: Key) => settings.findIndex((known) => known.key === key)
  return [...effective, setting].sort((a, b) => order(a.key) - order(b.key))
}

function readConfigFile(file: string): Partial<Record<Key, unknown>> {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`cannot read the configuration ${file}: ${(error as Error).message}`)
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UsageError(`the configuration ${file} must be a JSON object`)
  }
  for (const key of Object.keys(content)) {
    if (settings.some((setting) => setting.key === key)) continue
    const near = closest(
      key,
      settings.map((setting) => setting.key),
    )
    throw new UsageError(`unknown setting "${key}" in ${file}${near ? `; did you mean "${near}"?` : ''}`)
  }
  return content
}

/** A value of the file may be of its own type, or written as on the command line. */
function parseAs(setting: Setting, value: unknown, where: string): unknown {
  const text = textOf(setting.key, value)
  try {
    return setting.parse(text)
  } catch (error) {
    throw new UsageError(`${where}: "${text}" is invalid. ${(error as Error).message}`)
  }
}

function textOf(key: Key, value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return String(value)
  if (key === 'history' && 'keep' in value) return String(value.keep)
  return membersText(value as Record<string, string | Founder>)
}
