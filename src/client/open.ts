// `open` and `connect`: where the client meets the native side. The member itself is src/cluster's.
import { existsSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { ClusterMember, type Listeners, type MemberConfig } from '../cluster/member.js'
import { exposure, type MemberOptions, memberOptions } from '../cluster/options.js'
import { RafterError } from '../errors.js'
import { loadBinding } from '../native/load.js'
import { dial } from '../native/remote.js'
import type { Backup, BackupOptions, BackupTarget, ConnectOptions, Database, OpenOptions } from './api.js'
import { checkNames } from './arguments/option-names.js'
import { checkTimeout } from './arguments/timeout.js'
import type { PortFactory } from './connection/port.js'
import type { RunBackup } from './database/backup-source.js'
import { createEmbedded, createRemote, REQUEST_TIMEOUT_MS } from './database/create-database.js'
import type { ClientDatabase } from './database/database.js'
import { Compactor } from './history/compactor.js'
import { keepOf } from './history/retention.js'
import { askCluster, becomeMember, checkCluster } from './join/become-member.js'
import { givePriorities } from './join/give-priorities.js'
import { logOf } from './text/log-lines.js'
import { isWitness } from './wire/membership.js'

/** To members elsewhere. */
const dialPort: PortFactory = (endpoint, notify, lost) => dial(endpoint ?? '', notify, lost)

const CONNECT_OPTIONS = ['endpoints', 'requestTimeout', 'waitWhenBusy']

/** Loaded when it is wanted: most apps make no backups. */
const backup: RunBackup = async (source, to, options) => (await import('../backup/backup.js')).runBackup(source, to, options)

/**
 * Opens a member of a cluster in this process; `open({ dataDir })` alone is a store of one member.
 * Errors: INVALID_ARGUMENT, MEMBER_UNKNOWN, ADDRESS_INVALID, PORT_IN_USE, DATA_DIR_LOCKED, DATA_DIR_MISMATCH, FORMAT_NEWER,
 * MEMBER_REMOVED, CLUSTER_MISMATCH (with `join`: the directory is of another cluster), DATA_DIR_INCOMPLETE, LOG_CORRUPT, LOG_SEGMENT_MISSING, STORE_CORRUPT, DISK_FULL, OUT_OF_FILES, IO (also when a thread cannot be
 * started), BINARY_MISSING, WORKER_FAILED. Opened in a worker thread, it is closed when the worker ends.
 */
export async function open(options: OpenOptions): Promise<Database> {
  const { config, raft, join, priorities } = memberOptions(options)
  const log = logOf(options, config.name)
  const keep = keepOf(options.history)
  const warning = exposure(config)
  if (warning !== null) log(warning, 'warn')
  const listeners: Listeners = {
    onFatal: options.onFatal ?? ((error) => log(`the member has stopped: ${error.message} (${error.code})`, 'error')),
    onLog: log,
  }
  const start = (more: Partial<MemberConfig> = {}) => ClusterMember.start({ ...config, ...more }, raft, listeners)
  const member = await (join === null ? start() : startJoining(start, config, join, options, log))
  const closing = new AbortController()
  let compactor: Compactor | null = null
  let opened: ClientDatabase | null = null
  try {
    compactor = await Compactor.start((_, notify, lost) => member.port(notify, lost), keep, config.groups)
    const db = await createEmbedded({
      ports: (endpoint, notify, lost) => (endpoint === null ? member.port(notify, lost) : dialPort(endpoint, notify, lost)),
      requestTimeout: options.requestTimeout,
      waitWhenBusy: options.waitWhenBusy,
      valueBytesMax: config.valueBytesMax,
      stop: () => {
        closing.abort()
        compactor?.close()
        return member.close()
      },
      counters: () => member.counters(),
      backup: member.info.witness ? (_, to, given) => backupElsewhere(opened, to, given, closing.signal) : backup,
      // Whoever asked for a member that others reach wants it to stay, though this app itself has nothing more to do.
      hold: options.members !== undefined || config.listen.length > 0,
    })
    opened = db
    if (join !== null && member.info.joining) {
      await becomeMember({
        self: {
          id: member.info.id,
          name: config.name,
          endpoint: join.advertise,
          witness: member.info.witness,
          priority: options.priority,
        },
        endpoints: join.endpoints,
        own: db,
        connect: (endpoints) => createRemote({ ports: dialPort, endpoints, requestTimeout: options.requestTimeout }),
        log,
        signal: options.signal,
      })
    }
    if (priorities.size > 0 && join === null) void givePriorities(db, priorities, log)
    return db
  } catch (error) {
    // It holds the process, until it is closed.
    if (opened !== null) await opened.close()
    else {
      compactor?.close()
      await member.close()
    }
    throw error
  }
}

/** A witness has nothing to make backups of: members with data have. Ends with the witness, too. */
async function backupElsewhere(
  own: ClientDatabase | null,
  to: BackupTarget,
  options: BackupOptions,
  closing: AbortSignal,
): Promise<Backup> {
  const { members } = (await own?.membership()) ?? { members: [] }
  const endpoints = members.filter((member) => !isWitness(member)).map(({ endpoint }) => endpoint)
  const db = await createRemote({ ports: dialPort, endpoints, backup })
  try {
    const signal = AbortSignal.any([closing, ...(options.signal === undefined ? [] : [options.signal])])
    return await db.backup(to, { ...options, signal })
  } finally {
    await db.close()
  }
}

/** Starts a member that joins. What its directory says of the cluster, if it says anything, is more than others could tell it. */
async function startJoining(
  start: (more: Partial<MemberConfig>) => Promise<ClusterMember>,
  config: MemberConfig,
  { endpoints, isFounding }: NonNullable<MemberOptions['join']>,
  { requestTimeout = REQUEST_TIMEOUT_MS, signal }: OpenOptions,
  log: (line: string, level: 'info') => void,
): Promise<ClusterMember> {
  if (existsSync(joinPath(config.dataDir, 'member.json'))) {
    try {
      const member = await start({ joining: true })
      await checkCluster(dialPort, endpoints, member.info.cluster).catch(async (error: unknown) => {
        await member.close()
        throw error
      })
      return member
    } catch (error) {
      // It was ended before it had heard of the cluster, and so has to be told who there is.
      if (!(error instanceof RafterError) || error.code !== 'INVALID_ARGUMENT') throw error
    }
  }
  loadBinding()
  const timeout = checkTimeout(requestTimeout, 'requestTimeout')
  if (isFounding) log(`waits for ${endpoints.join(' and ')} to found the cluster`, 'info')
  const { cluster, members } = await askCluster(dialPort, endpoints, isFounding ? Number.POSITIVE_INFINITY : timeout, signal)
  return start({ joining: true, cluster, members: members.map(({ id, name, endpoint }) => ({ id, name, endpoint })) })
}

/**
 * Connects to a cluster without being a member of it. Finds the leader and follows it.
 * Errors: INVALID_ARGUMENT, ADDRESS_INVALID, UNREACHABLE after `requestTimeout`, BINARY_MISSING.
 */
export async function connect(options: ConnectOptions): Promise<Database> {
  if (typeof options !== 'object' || options === null) {
    throw new RafterError('INVALID_ARGUMENT', "connect takes an object: connect({ endpoints: ['127.0.0.1:7101'] })")
  }
  checkNames(options, CONNECT_OPTIONS)
  // A missing binary is an error of its own, not one of reaching the members.
  loadBinding()
  return createRemote({
    ports: dialPort,
    endpoints: options.endpoints,
    requestTimeout: options.requestTimeout,
    waitWhenBusy: options.waitWhenBusy,
    backup,
  })
}
