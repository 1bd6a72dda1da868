// Looks for the leader among the endpoints that are known, and says of each why it is of no use. Knows no operations, and not which
// member is in use.
import type { ErrorCode } from '../../codes.js'
import { RafterError } from '../../errors.js'
import { MemberConnection } from '../connection/member-connection.js'
import type { PortFactory } from '../connection/port.js'
import { isEarlier, type Membership, parseMembers } from '../wire/membership.js'
import { RequestKind } from '../wire/request-kinds.js'

/** Revisions of one cluster say nothing about another's data. */
const MISMATCH_ADVICE = 'the data there was replaced; connect again, and read the keys again'

/** A member that takes longer to accept a connection, or to answer the first question, is passed over. Milliseconds. */
const PROBE_MS = 1000
/** Once a member has answered, the others have so long to name a leader, or a later one. Milliseconds. */
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
  /** Who the members are by the latest configuration that was heard of. */
  #learnt: Membership | null = null
  /** Why an endpoint is of no use now. */
  readonly #reasons = new Map<string, string>()
  /** The codes of those reasons in the last search. */
  readonly #codes = new Map<string, ErrorCode>()

  constructor(factory: PortFactory, whose: { readonly group: number; readonly cluster: number }, endpoints: string[]) {
    this.#factory = factory
    this.#whose = whose
    this.#given = endpoints
  }

  /** Asks all endpoints at once. Of those that answer the one of the latest term decides; another may take itself for the leader still. */
  async find(hint: string): Promise<Found | null> {
    this.#codes.clear()
    const endpoints = [...new Set(hint === '' ? this.#candidates() : [hint, ...this.#candidates()])]
    const probes = endpoints.map((endpoint) => this.#probe(endpoint))
    const chosen = await latestOf(probes)
    for (const probe of probes) void probe.then((found) => found !== null && found !== chosen && found.connection.close())
    if (chosen === null) return null
    for (const probe of probes) {
      void probe.then((found) => found?.membership.cluster === chosen.membership.cluster && this.learn(found.membership))
    }
    const endpoint = leaderOf(chosen)
    if (endpoint === '' || endpoint === chosen.connection.endpoint) return chosen
    const direct = await this.#probe(endpoint)
    if (direct === null) return chosen
    chosen.connection.close()
    return direct
  }

  /**
   * A member has said who the members are now: those that were known before may all be gone. One that is behind, as after its start, says
   * who they were: all of those may be gone, too.
   */
  learn(membership: Membership): void {
    if (this.#learnt === null || !isEarlier(membership, this.#learnt)) this.#learnt = membership
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
    const learnt = this.#learnt?.members.map(({ endpoint }) => endpoint) ?? []
    return [...new Set([...learnt.filter((endpoint) => endpoint !== ''), ...this.#given])]
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

/**
 * Who is of the latest term among those that answer, and knows its leader if one of them does; null: nobody answers. It is known as soon as
 * more than half have: a leader has the votes of a majority. One that does not answer is not waited for long once another has.
 */
function latestOf(probes: Promise<Found | null>[]): Promise<Found | null> {
  return new Promise((resolve) => {
    let latest: Found | null = null
    let settled = 0
    let grace: NodeJS.Timeout | undefined
    const decide = () => {
      clearTimeout(grace)
      resolve(latest)
    }
    for (const probe of probes) {
      void probe.then((found) => {
        settled++
        if (found !== null && (latest === null || isLater(found, latest))) latest = found
        const isKnown = latest !== null && leaderOf(latest) !== '' && 2 * settled > probes.length
        if (isKnown || settled === probes.length) decide()
        else if (found !== null) grace ??= setTimeout(decide, LEADER_GRACE_MS).unref()
      })
    }
  })
}

function isLater(one: Found, other: Found): boolean {
  const [{ term }, { term: otherTerm }] = [one.membership, other.membership]
  return term > otherTerm || (term === otherTerm && leaderOf(one) !== '' && leaderOf(other) === '')
}
