// `open` and `connect`: where the client meets the native side. The member itself is src/cluster's.
import { ClusterMember } from '../cluster/member.js'
import { exposure, memberOptions } from '../cluster/options.js'
import { RafterError } from '../errors.js'
import { loadBinding } from '../native/load.js'
import { dial } from '../native/remote.js'
import type { ConnectOptions, Database, OpenOptions } from './api.js'
import { checkNames } from './arguments/option-names.js'
import { createEmbedded, createRemote } from './database/create-database.js'
import { Compactor } from './history/compactor.js'
import { keepOf } from './history/retention.js'
import { logOf } from './text/log-lines.js'

const CONNECT_OPTIONS = ['endpoints', 'requestTimeout', 'waitWhenBusy']

/**
 * Opens a member of a cluster in this process; `open({ dataDir })` alone is a store of one member.
 * Errors: INVALID_ARGUMENT, MEMBER_UNKNOWN, ADDRESS_INVALID, PORT_IN_USE, DATA_DIR_LOCKED, DATA_DIR_MISMATCH, FORMAT_NEWER,
 * DATA_DIR_INCOMPLETE, LOG_CORRUPT, LOG_SEGMENT_MISSING, STORE_CORRUPT, DISK_FULL, OUT_OF_FILES, IO (also when a thread cannot be
 * started), BINARY_MISSING, WORKER_FAILED. Opened in a worker thread, it is closed when the worker ends.
 */
export async function open(options: OpenOptions): Promise<Database> {
  const { config, raft } = memberOptions(options)
  const log = logOf(options, config.name)
  const keep = keepOf(options.history)
  const warning = exposure(config)
  if (warning !== null) log(warning, 'warn')
  const member = await ClusterMember.start(config, raft, {
    onFatal: options.onFatal ?? ((error) => log(`the member has stopped: ${error.message} (${error.code})`, 'error')),
    onNote: log,
  })
  let compactor: Compactor | null = null
  try {
    compactor = await Compactor.start((_, notify, lost) => member.port(notify, lost), keep, config.groups)
    return await createEmbedded({
      ports: (endpoint, notify, lost) => (endpoint === null ? member.port(notify, lost) : dial(endpoint, notify, lost)),
      requestTimeout: options.requestTimeout,
      waitWhenBusy: options.waitWhenBusy,
      valueBytesMax: config.valueBytesMax,
      stop: () => {
        compactor?.close()
        return member.close()
      },
      counters: () => member.counters(),
      // Whoever asked for a member that others reach wants it to stay, though this app itself has nothing more to do.
      hold: options.members !== undefined || config.listen.length > 0,
    })
  } catch (error) {
    compactor?.close()
    await member.close()
    throw error
  }
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
    ports: (endpoint, notify, lost) => dial(endpoint ?? '', notify, lost),
    endpoints: options.endpoints,
    requestTimeout: options.requestTimeout,
    waitWhenBusy: options.waitWhenBusy,
  })
}
