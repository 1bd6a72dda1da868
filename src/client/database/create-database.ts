// Puts a database together: for the member in this process, or for the members behind some endpoints.
// Knows no native module: the ports come from the caller.
import { endpointFault } from '../../endpoint.js'
import { RafterError } from '../../errors.js'
import { limits } from '../../limits.js'
import { checkTimeout } from '../arguments/timeout.js'
import { Liveness } from '../calls/liveness.js'
import type { PortFactory } from '../connection/port.js'
import { Dispatcher } from '../dispatch/dispatcher.js'
import { MemberNews } from '../dispatch/member-news.js'
import { TurnBatches } from '../dispatch/turn-batches.js'
import { LeaderConnection } from '../leader/leader-connection.js'
import { SyncReader } from '../reads/sync-read.js'
import { describe } from '../text/describe.js'
import type { RunBackup } from './backup-source.js'
import { ClientDatabase } from './database.js'

/** Milliseconds until a call without `timeout` rejects. */
export const REQUEST_TIMEOUT_MS = 5000
/** The only group of a cluster that is not sharded. */
const GROUP = 0

export interface CreateOptions {
  ports: PortFactory
  /** Default 5,000 ms. */
  requestTimeout?: number | undefined
  /** Default true. */
  waitWhenBusy?: boolean | undefined
  /** Default 1.5 MiB. */
  valueBytesMax?: number | undefined
  group?: number | undefined
  /** Makes backups. Without it there are none. */
  backup?: RunBackup | undefined
}

const noBackup: RunBackup = () => Promise.reject(new RafterError('INVALID_ARGUMENT', 'this database makes no backups'))

export interface EmbeddedOptions extends CreateOptions {
  /** The member has stopped because it must. */
  onFatal?: ((error: RafterError) => void) | undefined
  /** Stops the member, after its port is closed. */
  stop?: (() => Promise<void>) | undefined
  /** Keep the process alive until the database is closed, its member has stopped or `unref` is called. Default false. */
  hold?: boolean | undefined
  /** Counts of the member. */
  counters?: (() => Record<string, number>) | undefined
}

/** A database over the member in this process: `ports(null, …)`. The factory also connects to other members, for `status`. */
export async function createEmbedded(options: EmbeddedOptions): Promise<ClientDatabase> {
  const base = assemble(options, true, null)
  const { dispatcher } = base
  let fatal: RafterError | null = null
  const lost = (code: RafterError['code'], message: string) => {
    fatal = new RafterError(code, message)
    dispatcher.end(fatal)
    base.liveness.hold(false)
    if (code !== 'CLOSED') options.onFatal?.(fatal)
  }
  const port = await options.ports(null, dispatcher.receive, lost)
  dispatcher.attach(port)
  if (options.hold && fatal === null) base.liveness.hold(true)
  const openReader = port.openReader?.bind(port)
  const syncReader = openReader === undefined ? null : new SyncReader(openReader)
  return new ClientDatabase({
    ...base,
    syncReader,
    counters: options.counters ?? null,
    stop: async () => {
      syncReader?.close()
      port.close()
      await options.stop?.()
    },
  })
}

/** A client of the members behind `endpoints`. UNREACHABLE if none answers within `requestTimeout`. */
export async function createRemote(options: CreateOptions & { endpoints: string[] }): Promise<ClientDatabase> {
  const endpoints = checkEndpoints(options.endpoints)
  let leader: LeaderConnection | null = null
  const base = assemble(options, false, () => leader)
  leader = new LeaderConnection(options.ports, base.dispatcher, endpoints, base.news)
  try {
    await leader.start(base.requestTimeout)
  } catch (error) {
    leader.close()
    base.liveness.close()
    throw error
  }
  return new ClientDatabase({ ...base, syncReader: null, counters: null, stop: async () => leader?.close() })
}

function assemble(options: CreateOptions, embedded: boolean, leader: (() => LeaderConnection | null) | null) {
  const requestTimeout = checkTimeout(options.requestTimeout ?? REQUEST_TIMEOUT_MS, 'requestTimeout')
  const valueBytesMax = options.valueBytesMax ?? limits.valueBytesMax
  if (!Number.isSafeInteger(valueBytesMax) || valueBytesMax < 1 || valueBytesMax > limits.valueBytesLargest) {
    throw new RafterError('INVALID_ARGUMENT', `valueBytesMax must be a whole number of bytes up to ${limits.valueBytesLargest}`)
  }
  const liveness = new Liveness()
  const dispatcher: Dispatcher = new Dispatcher({
    embedded,
    group: options.group ?? GROUP,
    waitWhenBusy: options.waitWhenBusy ?? true,
    requestTimeout,
    liveness,
    notLeader: (endpoint) => leader?.()?.notLeader(endpoint),
    memberLost: (code, message) => leader?.()?.memberLost(code, message),
    unreachable: (call) => leader?.()?.unreachable(call) ?? null,
    sendAgain: (call, from, at, bytes) => turn.addAgain(call, from, at, bytes),
  })
  const turn = new TurnBatches(dispatcher)
  const news = new MemberNews(dispatcher)
  const backup = options.backup ?? noBackup
  return { dispatcher, turn, liveness, ports: options.ports, requestTimeout, valueBytesMax, news, backup }
}

function checkEndpoints(endpoints: unknown): string[] {
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw new RafterError('INVALID_ARGUMENT', 'endpoints must be an array of at least one host:port or unix:/path')
  }
  for (const endpoint of endpoints) {
    if (typeof endpoint !== 'string')
      throw new RafterError('INVALID_ARGUMENT', `an endpoint is a string, host:port or unix:/path, not ${describe(endpoint)}`)
    const fault = endpointFault(endpoint, 'connect')
    if (fault !== null) throw new RafterError('ADDRESS_INVALID', fault)
  }
  return endpoints
}
