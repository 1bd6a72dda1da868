// Looks for the leader among the endpoints that are known, and says of each why it is of no use. Knows no operations, and not which
// member is in use.
import type { ErrorCode } from '../../codes.js'
import { RafterError } from '../../errors.js'
import { MemberConnection } from '../connection/member-connection.js'
import type { PortFactory } from '../connection/port.js'
import { type Membership, parseMembers } from '../wire/membership.js'
import { RequestKind } from '../wire/request-kinds.js'

/** Revisions of one cluster say nothing about another's data. */
const MISMATCH_ADVICE = 'the data there was replaced; connect again, and read the keys again'

/** A member that takes longer to accept a connection, or to answer the first question, is passed over. Milliseconds. */
const PROBE_MS = 1000
/** Once a member has answered that knows no leader, the others have so long to name one. Milliseconds. */
const LEADER_GRACE_MS = 200
/** A member that answered. */
export interface Found {
  connection: MemberConnection
  membership: Membership
}

export class LeaderSearch {
  readonly #factory: PortFactory
  /** The group that is asked for, and the cluster that was met first; 0: none was yet. */
  readonly #whose: { readonly group: number; readonly cluster: number }
  readonly #given: string[]
  /** Endpoints learnt from members. */
  #learnt: string[] = []
  /** Why an endpoint is of no use now. */
  readonly #reasons = new Map<string, string>()
  /** The codes of those reasons in the last search. */
  readonly #codes = new Map<string, ErrorCode>()

  constructor(factory: PortFactory, whose: { readonly group: number; readonly cluster: number }, endpoints: string[]) {
    this.#factory = factory
    this.#whose = whose
    this.#given = endpoints
  }

  /** Asks all endpoints at once; the first that knows a leader which can be reached decides. Else any that answers. */
  async find(hint: string): Promise<Found | null> {
    this.#codes.clear()
    const endpoints = [...new Set(hint === '' ? this.#candidates() : [hint, ...this.#candidates()])]
    const probes = endpoints.map((endpoint) => this.#probe(endpoint))
    const leader = firstOf(probes, (found) => leaderOf(found) !== '')
    const first = firstOf(probes, () => true)
    // One that does not answer is not waited for long once another has.
    const chosen = await Promise.race([leader, first.then(() => after(LEADER_GRACE_MS))]).then((found) => found ?? first)
    for (const probe of probes) void probe.then((found) => found !== null && found !== chosen && found.connection.close())
    if (chosen === null) return null
    this.learn(chosen.membership)
    const endpoint = leaderOf(chosen)
    if (endpoint === '' || endpoint === chosen.connection.endpoint) return chosen
    const direct = await this.#probe(endpoint)
    if (direct === null) return chosen
    chosen.connection.close()
    return direct
  }

  /** A member has said who the members are now: those that were known before may all be gone. */
  learn({ members }: Membership): void {
    this.#learnt = members.map(({ endpoint }) => endpoint).filter((endpoint) => endpoint !== '')
  }

  async #probe(endpoint: string): Promise<Found | null> {
    let connection: MemberConnection | null = null
    try {
      connection = await MemberConnection.open(this.#factory, endpoint, this.#whose.group, PROBE_MS)
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
    const { cluster: own } = this.#whose
    if (own === 0 || cluster === own) return
    if (cluster === 0) throw new RafterError('NO_LEADER', 'it does not know yet which cluster it is of')
    throw new RafterError('CLUSTER_MISMATCH', `it is of cluster ${cluster.toString(16)}, not ${own.toString(16)}`)
  }

  /** Another cluster has taken this one's place: it answered, nobody of this one did, and nobody is about to. */
  get isForeign(): boolean {
    const codes = [...this.#codes.values()]
    return codes.includes('CLUSTER_MISMATCH') && !codes.includes('NO_LEADER')
  }

  /** An endpoint that was in use is of no use any more. */
  lost(endpoint: string, reason: string): void {
    this.#reasons.set(endpoint, reason)
  }

  /** An error of `call` that names each endpoint and why it is of no use. CLUSTER_MISMATCH, UNREACHABLE. */
  failure(call: string): RafterError {
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
    if (this.isForeign) {
      return new RafterError('CLUSTER_MISMATCH', `${call}: another cluster answers: ${reasons}; ${MISMATCH_ADVICE}`, options)
    }
    const text = `${call}: no member answers: ${reasons}; check the endpoints, and that the members run`
    return new RafterError('UNREACHABLE', text, options)
  }

  #candidates(): string[] {
    return [...new Set([...this.#learnt, ...this.#given])]
  }
}

/** Endpoint of the leader that a member knows; '': none. One that leads is where it was found, be it a Unix socket that others do not know. */
export function leaderOf({ connection, membership }: Found): string {
  return isLeader(membership) ? connection.endpoint : endpointOfLeader(membership)
}

export function isLeader({ members, leader, self }: Membership): boolean {
  return leader !== 0 && (members.length === 1 || self === leader)
}

export function endpointOfLeader({ members, leader }: Membership): string {
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
