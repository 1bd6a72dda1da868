// Finds the leader among the endpoints and follows it: which remote member the dispatcher's port leads to.
// Knows no operations. An embedded member needs none of this: there is one port, and its member forwards.
import type { ErrorCode } from '../../codes.js'
import { RafterError } from '../../errors.js'
import { Backoff } from '../connection/backoff.js'
import { MemberConnection } from '../connection/member-connection.js'
import type { PortFactory } from '../connection/port.js'
import type { Dispatcher } from '../dispatch/dispatcher.js'
import { type Membership, parseMembers } from '../wire/membership.js'
import { RequestKind } from '../wire/request-kinds.js'

/** Revisions of one cluster say nothing about another's data. */
const MISMATCH_ADVICE = 'the data there was replaced; connect again, and read the keys again'

/** A member that takes longer to accept a connection, or to answer the first question, is passed over. Milliseconds. */
const PROBE_MS = 1000
/** Once a member has answered that knows no leader, the others have so long to name one. Milliseconds. */
const LEADER_GRACE_MS = 200
/** Requests wait this long without any response before other members are asked whether the leader has changed. Milliseconds. */
const STALL_MS = 1000
/** How often a stall is looked for, ms. */
const STALL_CHECK_MS = 500
/** While a member is used, it is asked so often who leads: it forwards after a transfer, which costs a hop. Milliseconds. */
const FOLLOW_MS = 5000
/** Longest wait between questions who leads, while another member than the leader is used. Milliseconds. */
const RECHECK_MS_MAX = 5000

interface Found {
  connection: MemberConnection
  membership: Membership
}

export class LeaderConnection {
  readonly #factory: PortFactory
  readonly #dispatcher: Dispatcher
  readonly #given: string[]
  /** Endpoints learnt from members. */
  #learnt: string[] = []
  /** Why an endpoint is of no use now. */
  readonly #reasons = new Map<string, string>()
  /** The codes of those reasons in the last search. */
  readonly #codes = new Map<string, ErrorCode>()
  #connection: MemberConnection | null = null
  #seeking = false
  #closed = false
  #wait: { timer: NodeJS.Timeout; end: () => void } | null = null
  #recheck: NodeJS.Timeout | null = null
  #recheckMs = STALL_CHECK_MS / 5
  readonly #stallCheck: NodeJS.Timeout
  /** When the member in use was last asked who leads, ms of performance.now(). */
  #followedAt = 0
  #whenUp: (() => void)[] = []

  /** `askMembers` puts the question MEMBERS to the member in use. */
  constructor(
    factory: PortFactory,
    dispatcher: Dispatcher,
    endpoints: string[],
    readonly askMembers: () => Promise<string>,
  ) {
    this.#factory = factory
    this.#dispatcher = dispatcher
    this.#given = endpoints
    this.#stallCheck = setInterval(() => this.#check(), STALL_CHECK_MS)
    this.#stallCheck.unref()
  }

  /** Resolves when there is a member to talk to. UNREACHABLE after `timeout` ms. */
  async start(timeout: number): Promise<void> {
    const up = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), timeout)
      this.#whenUp.push(() => {
        clearTimeout(timer)
        resolve(true)
      })
    })
    this.#seek()
    if (await up) return
    throw this.unreachable('connect')
  }

  /** The endpoint in use; null: none. */
  get endpoint(): string | null {
    return this.#connection?.endpoint ?? null
  }

  /** An error of `call` that names each endpoint and why it is of no use; null if there is a connection. */
  unreachable(call: string): RafterError | null {
    if (this.#connection !== null) return null
    const details = {
      members: this.#candidates().map((endpoint) => ({
        name: '',
        endpoint,
        connected: false,
        code: this.#codes.get(endpoint) ?? null,
        message: this.#reasons.get(endpoint) ?? null,
      })),
    }
    const options = { details, outcome: 'not-done' as const }
    const reasons = this.#candidates()
      .map((endpoint) => `${endpoint} (${this.#reasons.get(endpoint) ?? 'no answer yet'})`)
      .join(', ')
    if (this.#isForeign()) {
      return new RafterError('CLUSTER_MISMATCH', `${call}: another cluster answers: ${reasons}; ${MISMATCH_ADVICE}`, options)
    }
    const text = `${call}: no member answers: ${reasons}; check the endpoints, and that the members run`
    return new RafterError('UNREACHABLE', text, options)
  }

  /** The member in use says that it does not lead. */
  notLeader(leader: string): void {
    if (leader !== '' && leader === this.#connection?.endpoint) return
    this.#recheckMs = STALL_CHECK_MS / 5
    this.#seek(leader)
  }

  /** The member in use has stopped or the connection broke. */
  memberLost(code: ErrorCode, message: string): void {
    const connection = this.#connection
    if (connection === null) return
    this.#connection = null
    this.#reasons.set(connection.endpoint, message === '' ? code : message)
    connection.close()
    this.#dispatcher.detach(`${connection.endpoint}: ${message === '' ? code : message}`)
    this.#seek()
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#stallCheck)
    if (this.#recheck !== null) clearTimeout(this.#recheck)
    if (this.#wait !== null) {
      clearTimeout(this.#wait.timer)
      this.#wait.end()
    }
    this.#connection?.close()
    this.#connection = null
  }

  #candidates(): string[] {
    return [...new Set([...this.#learnt, ...this.#given])]
  }

  /** Looks for the leader, in the background, until there is a member to talk to. */
  #seek(hint = ''): void {
    if (this.#seeking || this.#closed) return
    this.#seeking = true
    void this.#run(hint).finally(() => {
      this.#seeking = false
    })
  }

  async #run(hint: string): Promise<void> {
    const backoff = new Backoff()
    for (;;) {
      this.#codes.clear()
      const found = await this.#find(hint)
      hint = ''
      if (this.#closed) {
        found?.connection.close()
        return
      }
      if (found !== null) this.#choose(found)
      if (this.#connection !== null) return
      if (this.#isForeign()) this.#dispatcher.endStreams(this.unreachable('watch') as RafterError)
      await this.#sleep(backoff.delay())
      if (this.#closed) return
    }
  }

  /** Asks all endpoints at once; the first that knows a leader which can be reached decides. Else any that answers. */
  async #find(hint: string): Promise<Found | null> {
    const endpoints = [...new Set(hint === '' ? this.#candidates() : [hint, ...this.#candidates()])]
    const probes = endpoints.map((endpoint) => this.#probe(endpoint))
    const leader = firstOf(probes, (found) => leaderOf(found) !== '')
    const first = firstOf(probes, () => true)
    // One that does not answer is not waited for long once another has.
    const chosen = await Promise.race([leader, first.then(() => after(LEADER_GRACE_MS))]).then((found) => found ?? first)
    for (const probe of probes) void probe.then((found) => found !== null && found !== chosen && found.connection.close())
    if (chosen === null) return null
    this.#learnt = chosen.membership.members.map(({ endpoint }) => endpoint).filter((endpoint) => endpoint !== '')
    const endpoint = leaderOf(chosen)
    if (endpoint === '' || endpoint === chosen.connection.endpoint) return chosen
    const direct = await this.#probe(endpoint)
    if (direct === null) return chosen
    chosen.connection.close()
    return direct
  }

  async #probe(endpoint: string): Promise<Found | null> {
    let connection: MemberConnection | null = null
    try {
      connection = await MemberConnection.open(this.#factory, endpoint, this.#dispatcher.group, PROBE_MS)
      const membership = parseMembers(await connection.requestText(RequestKind.MEMBERS, new Uint8Array(0), PROBE_MS))
      this.#checkCluster(membership.cluster)
      return { connection, membership }
    } catch (error) {
      connection?.close()
      this.#reasons.set(endpoint, error instanceof Error ? error.message : String(error))
      if (error instanceof RafterError) this.#codes.set(endpoint, error.code)
      return null
    }
  }

  /** Only members of the cluster that was met first are used, or one would answer for another's data. CLUSTER_MISMATCH, NO_LEADER. */
  #checkCluster(cluster: number): void {
    const { cluster: own } = this.#dispatcher
    if (own === 0 || cluster === own) return
    if (cluster === 0) throw new RafterError('NO_LEADER', 'it does not know yet which cluster it is of')
    throw new RafterError('CLUSTER_MISMATCH', `it is of cluster ${cluster.toString(16)}, not ${own.toString(16)}`)
  }

  /** Another cluster has taken this one's place: it answered, nobody of this one did, and nobody is about to. */
  #isForeign(): boolean {
    const codes = [...this.#codes.values()]
    return this.#connection === null && codes.includes('CLUSTER_MISMATCH') && !codes.includes('NO_LEADER')
  }

  /** Goes over to a member, unless it is the one in use. */
  #choose(found: Found): void {
    const { connection, membership } = found
    const { cluster } = membership
    // It may have been learnt since the member was asked.
    if (this.#dispatcher.cluster !== 0 && cluster !== this.#dispatcher.cluster) {
      connection.close()
      return
    }
    this.#dispatcher.confirmCluster(cluster)
    const leads = leaderOf(found) === connection.endpoint
    const before = this.#connection
    if (before !== null && (before.endpoint === connection.endpoint || !leads)) {
      connection.close()
      if (!leads) this.#recheckLater()
      return
    }
    this.#connection = connection
    connection.notify = this.#dispatcher.receive
    connection.lost = (code, message) => {
      if (this.#connection === connection) this.memberLost(code, message)
    }
    before?.close()
    this.#dispatcher.attach(connection.port)
    for (const up of this.#whenUp.splice(0)) up()
    if (leads && cluster !== 0) this.#recheckMs = STALL_CHECK_MS / 5
    else this.#recheckLater()
  }

  #recheckLater(): void {
    if (this.#recheck !== null) clearTimeout(this.#recheck)
    this.#recheck = setTimeout(() => this.#seek(), this.#recheckMs)
    this.#recheck.unref()
    this.#recheckMs = Math.min(2 * this.#recheckMs, RECHECK_MS_MAX)
  }

  /** A member that accepts requests and answers none may be stopped or cut off: others may have a new leader. */
  #check(): void {
    const { underWay, sentAt, heardAt } = this.#dispatcher
    const now = performance.now()
    if (underWay > 0 && now - Math.max(sentAt, heardAt) > STALL_MS) this.#seek()
    // Nobody has used it since: then it does not matter who leads.
    else if (this.#connection !== null && heardAt > this.#followedAt && now - this.#followedAt > FOLLOW_MS) void this.#follow()
  }

  /** Goes to the leader that the member in use names. */
  async #follow(): Promise<void> {
    this.#followedAt = Number.POSITIVE_INFINITY
    try {
      const membership = parseMembers(await this.askMembers())
      this.#dispatcher.confirmCluster(membership.cluster)
      const leader = isLeader(membership) ? '' : endpointOfLeader(membership)
      if (leader !== '' && leader !== this.#connection?.endpoint) this.#seek(leader)
    } catch {
      // The call said nothing about who leads; what is wrong with the member shows in its other answers.
    }
    this.#followedAt = performance.now()
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      timer.unref()
      this.#wait = { timer, end: resolve }
    })
  }
}

/** Endpoint of the leader that a member knows; '': none. One that leads is where it was found, be it a Unix socket that others do not know. */
function leaderOf({ connection, membership }: Found): string {
  return isLeader(membership) ? connection.endpoint : endpointOfLeader(membership)
}

function isLeader({ members, leader, self }: Membership): boolean {
  return leader !== 0 && (members.length === 1 || self === leader)
}

function endpointOfLeader({ members, leader }: Membership): string {
  return members.find(({ id }) => id === leader)?.endpoint ?? ''
}

/** The first result that is `good`; null when there is none. */
function firstOf(probes: Promise<Found | null>[], good: (found: Found) => boolean): Promise<Found | null> {
  return new Promise((resolve) => {
    let left = probes.length
    for (const probe of probes) {
      void probe.then((found) => {
        if (found !== null && good(found)) resolve(found)
        else if (--left === 0) resolve(null)
      })
    }
  })
}

/** Resolves to nothing, later. */
function after(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(resolve, ms, null).unref())
}
