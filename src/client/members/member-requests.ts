// Questions about the cluster rather than its keys: members, status, leadership. Opens connections of its own to other members.
// Changes nothing but who leads.
import type { ErrorCode } from '../../codes.js'
import { RafterError } from '../../errors.js'
import type { CallOptions, MemberStatus } from '../api.js'
import { checkSignal } from '../arguments/signal.js'
import { Backoff } from '../connection/backoff.js'
import { MemberConnection } from '../connection/member-connection.js'
import type { PortFactory } from '../connection/port.js'
import type { Question } from '../dispatch/text-request.js'
import { writeU64 } from '../wire/integers.js'
import { type ConfiguredMember, type Membership, parseMembers, parseStatus, unreachableStatus } from '../wire/membership.js'
import { RequestKind } from '../wire/request-kinds.js'
import { findMember } from './find-member.js'

/** A member that takes longer to answer is reported as unreachable, ms; at most half of the call's timeout. All are asked at once. */
const MEMBER_ANSWER_MS = 500

/** Refusals of a transfer that need not be repeated: another member leads, or the target had not caught up in an election timeout. */
const LEADERSHIP_CODES: readonly ErrorCode[] = ['NOT_LEADER', 'NO_LEADER', 'LEADER_LOST', 'BUSY', 'TIMEOUT']

/** Sends a request without a batch over the database's own port, for the call of that name; resolves to the text of its answer. */
export type RequestText = (call: string, question: Question, options: CallOptions) => Promise<string>

/** Which group a question is about. */
type About = Pick<Question, 'group'>

export class MemberRequests {
  constructor(
    readonly requestText: RequestText,
    readonly ports: PortFactory,
    readonly requestTimeout: number,
    readonly group: number,
  ) {}

  /** The cluster's identity as hex digits; empty: the member that answers does not know it yet. */
  async cluster(options: CallOptions): Promise<string> {
    const { cluster } = await this.membership('backup', options)
    return cluster === 0 ? '' : cluster.toString(16)
  }

  async status(options: CallOptions): Promise<MemberStatus[]> {
    const timeout = Math.min(MEMBER_ANSWER_MS, (options.timeout ?? this.requestTimeout) / 2)
    const [own, { members }] = await Promise.all([this.ownStatus('status', options), this.membership('status', options)])
    const others = members.filter(({ id }) => id !== own.id)
    const statuses = await Promise.all([own, ...others.map((member) => this.#statusOf(member, timeout))])
    return statuses.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** How the member is that is asked. */
  async ownStatus(call: string, options: CallOptions, about: About = {}): Promise<MemberStatus> {
    return parseStatus(await this.requestText(call, { type: RequestKind.STATUS, ...about }, options))
  }

  /** Resolves when the member leads. MEMBER_UNKNOWN, TIMEOUT, ABORTED if a transfer to another member took its place. */
  async transferLeader(name: string, options: CallOptions): Promise<void> {
    const deadline = performance.now() + (options.timeout ?? this.requestTimeout)
    const backoff = new Backoff()
    let asked = 0
    for (;;) {
      checkSignal(options.signal, 'transferLeader')
      const left = deadline - performance.now()
      if (left <= 0)
        throw new RafterError('TIMEOUT', `transferLeader: ${name} does not lead in time; see that it runs and is up to date`)
      const membership = await this.membership('transferLeader', { ...options, timeout: left })
      const target = findMember('transferLeader', membership.members, name)
      if (membership.leader === target.id) return
      // Once for each leader that takes it on; when that gives up, or leads no more, it is asked again.
      if (
        membership.leader !== 0 &&
        membership.leader !== asked &&
        (await this.#requestTransfer(target, { ...options, timeout: left }))
      ) {
        asked = membership.leader
      }
      await new Promise((resolve) => setTimeout(resolve, backoff.delay()))
    }
  }

  /** Who the members are, as the one that is asked knows them. */
  async membership(call: string, options: CallOptions, about: About = {}): Promise<Membership> {
    return parseMembers(await this.requestText(call, { type: RequestKind.MEMBERS, ...about }, options))
  }

  /**
   * Resolves when the member that is asked has applied what the leader has committed: a witness hands its reads to the leader, so they
   * say nothing of itself. NO_LEADER if that cannot be asked.
   */
  async catchUp(call: string, options: CallOptions, { members, leader }: Membership): Promise<void> {
    const found = members.find(({ id }) => id === leader)
    const { role, committed } =
      found === undefined ? { role: 'unreachable', committed: 0 } : await this.#statusOf(found, MEMBER_ANSWER_MS)
    if (role !== 'leader') throw new RafterError('NO_LEADER', `${call}: the leader does not answer`, { outcome: 'not-done' })
    const deadline = performance.now() + (options.timeout ?? this.requestTimeout)
    const backoff = new Backoff()
    while ((await this.ownStatus(call, options)).applied < committed) {
      if (performance.now() >= deadline)
        throw new RafterError('TIMEOUT', `${call}: this member is behind`, { outcome: 'not-done' })
      await new Promise((resolve) => setTimeout(resolve, backoff.delay()))
    }
  }

  async #statusOf(member: ConfiguredMember, timeout: number): Promise<MemberStatus> {
    try {
      return parseStatus(await this.#askMember(member, RequestKind.STATUS, new Uint8Array(0), timeout))
    } catch {
      // Any failure means the same to whoever reads the list: this member does not answer.
      return unreachableStatus(member)
    }
  }

  /** Asks the leader to hand over; false if it could not be asked, which is tried again. */
  async #requestTransfer(target: ConfiguredMember, options: CallOptions): Promise<boolean> {
    const body = new Uint8Array(8)
    writeU64(new DataView(body.buffer), 0, target.id)
    try {
      await this.requestText('transferLeader', { type: RequestKind.TRANSFER, body }, options)
      return true
    } catch (error) {
      if (error instanceof RafterError && LEADERSHIP_CODES.includes(error.code)) return false
      throw error
    }
  }

  async #askMember({ endpoint }: ConfiguredMember, type: number, body: Uint8Array, timeout: number): Promise<string> {
    const connection = await MemberConnection.open(this.ports, endpoint, this.group, timeout)
    try {
      return await connection.requestText(type, body, timeout)
    } finally {
      connection.close()
    }
  }
}
