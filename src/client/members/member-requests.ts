// Questions about the cluster rather than its keys: members, status, leadership. Opens connections of its own to other members.
import type { ErrorCode } from '../../codes.js'
import { RafterError } from '../../errors.js'
import type { CallOptions, Member, MemberStatus } from '../api.js'
import { checkSignal } from '../arguments/signal.js'
import { Backoff } from '../connection/backoff.js'
import { MemberConnection } from '../connection/member-connection.js'
import type { PortFactory } from '../connection/port.js'
import { writeU64 } from '../wire/integers.js'
import { type Membership, parseMembers, parseStatus, unreachableStatus } from '../wire/membership.js'
import { RequestKind } from '../wire/request-kinds.js'

/** A member that takes longer to answer is reported as unreachable, ms; at most half of the call's timeout. All are asked at once. */
const MEMBER_ANSWER_MS = 500

/** Refusals of a transfer that need not be repeated: another member leads, or the target had not caught up in an election timeout. */
const LEADERSHIP_CODES: readonly ErrorCode[] = ['NOT_LEADER', 'NO_LEADER', 'LEADER_LOST', 'BUSY', 'TIMEOUT']

/** Sends a request without a batch over the database's own port; resolves to the text of its answer. */
export type RequestText = (name: string, type: number, body: Uint8Array, options: CallOptions) => Promise<string>

export class MemberRequests {
  constructor(
    readonly requestText: RequestText,
    readonly ports: PortFactory,
    readonly requestTimeout: number,
    readonly group: number,
  ) {}

  async members(options: CallOptions): Promise<Member[]> {
    return (await this.#membership('members', options)).members
  }

  async status(options: CallOptions): Promise<MemberStatus[]> {
    const timeout = Math.min(MEMBER_ANSWER_MS, (options.timeout ?? this.requestTimeout) / 2)
    const [own, { members }] = await Promise.all([
      this.requestText('status', RequestKind.STATUS, new Uint8Array(0), options).then(parseStatus),
      this.#membership('status', options),
    ])
    const others = members.filter(({ id }) => id !== own.id)
    const statuses = await Promise.all([own, ...others.map((member) => this.#statusOf(member, timeout))])
    return statuses.sort((a, b) => (a.name < b.name ? -1 : 1))
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
      const membership = await this.#membership('transferLeader', { ...options, timeout: left })
      const target = membership.members.find((member) => member.name === name)
      if (target === undefined) {
        const names = membership.members.map((member) => member.name).join(', ')
        throw new RafterError('MEMBER_UNKNOWN', `transferLeader: there is no member ${name}; members: ${names}`)
      }
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

  async #membership(name: string, options: CallOptions): Promise<Membership> {
    return parseMembers(await this.requestText(name, RequestKind.MEMBERS, new Uint8Array(0), options))
  }

  async #statusOf(member: Member, timeout: number): Promise<MemberStatus> {
    try {
      return parseStatus(await this.#askMember(member, RequestKind.STATUS, new Uint8Array(0), timeout))
    } catch {
      // Any failure means the same to whoever reads the list: this member does not answer.
      return unreachableStatus(member)
    }
  }

  /** Asks the leader to hand over; false if it could not be asked, which is tried again. */
  async #requestTransfer(target: Member, options: CallOptions): Promise<boolean> {
    const body = new Uint8Array(8)
    writeU64(new DataView(body.buffer), 0, target.id)
    try {
      await this.requestText('transferLeader', RequestKind.TRANSFER, body, options)
      return true
    } catch (error) {
      if (error instanceof RafterError && LEADERSHIP_CODES.includes(error.code)) return false
      throw error
    }
  }

  async #askMember({ endpoint }: Member, type: number, body: Uint8Array, timeout: number): Promise<string> {
    const connection = await MemberConnection.open(this.ports, endpoint, this.group, timeout)
    try {
      return await connection.requestText(type, body, timeout)
    } finally {
      connection.close()
    }
  }
}
