// Makes a change of the members: from what there is to what is wanted, again and again until it is so. Knows no change by name.
import type { ErrorCode } from '../../codes.js'
import { RafterError } from '../../errors.js'
import type { MembersChange, RemoveOptions } from '../api.js'
import { checkSignal } from '../arguments/signal.js'
import { checkTimeout } from '../arguments/timeout.js'
import { Backoff } from '../connection/backoff.js'
import { encodeChange } from '../wire/change.js'
import { isJoint, isWitness, type Membership, shownMembers } from '../wire/membership.js'
import { RequestKind } from '../wire/request-kinds.js'
import type { MemberRequests } from './member-requests.js'
import { isSame, type MemberList, type Plan } from './wanted.js'

/** Refusals after which it is looked at anew and tried again: somebody else was quicker, or it will be possible in a moment. */
const PASSING: readonly ErrorCode[] = [
  'MEMBERS_CHANGING',
  'MEMBER_BEHIND',
  'LEADER_LOST',
  'NOT_LEADER',
  'NO_LEADER',
  'BUSY',
  'TIMEOUT',
]

/** With what calls end while no majority of the voters answers. */
const LEADERLESS: readonly ErrorCode[] = ['TIMEOUT', 'NO_LEADER', 'UNREACHABLE']
const WAY_OUT = 'stop the members that are left, then `rafterdb recover --force-new-cluster` on one of them, or forceNewCluster()'

/** One attempt of one call. */
interface Attempt extends RemoveOptions {
  call: string
}

export class MemberChanges {
  constructor(
    readonly requests: MemberRequests,
    /** Resolves once the member that is asked has seen all that was committed before. */
    readonly caughtUp: (call: string, options: RemoveOptions) => Promise<unknown>,
  ) {}

  /** Resolves when the members are for good what `plan` wants. */
  async make(call: string, plan: Plan, options: RemoveOptions): Promise<MembersChange> {
    const { timeout = this.requests.requestTimeout } = options
    const deadline = performance.now() + checkTimeout(timeout)
    const backoff = new Backoff()
    let isUncertain = false
    for (;;) {
      try {
        checkSignal(options.signal, call)
        return await this.#attempt(plan, { ...options, call, timeout: Math.max(1, deadline - performance.now()) })
      } catch (error) {
        if (!(error instanceof RafterError)) throw error
        isUncertain ||= error.outcome === 'unknown'
        const isPassing = PASSING.includes(error.code)
        if (!isPassing || performance.now() >= deadline) {
          throw withWayOut(lastError(error, isPassing, isUncertain), options.force === true)
        }
      }
      const pause = Math.min(backoff.delay(), Math.max(1, deadline - performance.now()))
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  /** Only from what is committed for good: a member that lags behind would have a change made, or found made, that is undone. */
  async #attempt(plan: Plan, attempt: Attempt): Promise<MembersChange> {
    await this.caughtUp(attempt.call, attempt)
    const before = await this.#current(attempt)
    const { members, member } = plan(before.members)
    const groups = await this.#groupCount(attempt)
    // The first group at last: it is what everybody looks at, and whoever is taken out may be the one that asks.
    for (let group = groups - 1; group > 0; group--) await this.#set(members, await this.#settled(attempt, group), attempt, group)
    await this.#set(members, before, attempt)
    const shown = shownMembers({ ...before, members: [...members] })
    const [about] = shownMembers({ ...before, members: [member] })
    return { member: shown.find(({ id }) => id === member.id) ?? (about as MembersChange['member']), members: shown }
  }

  /** Who the members are of the first group, by what is committed now. */
  async #current(attempt: Attempt): Promise<Membership> {
    const before = await this.#settled(attempt)
    const self = before.members.find(({ id }) => id === before.self)
    if (self !== undefined && !isWitness(self)) return before
    // One that does not know yet that it is a member may be a witness, too.
    const isOne = self !== undefined || (await this.requests.ownStatus(attempt.call, attempt)).role === 'witness'
    if (!isOne) return before
    await this.requests.catchUp(attempt.call, attempt, before)
    return this.#settled(attempt)
  }

  /** Who the members are, unless that is about to change. MEMBERS_CHANGING. */
  async #settled(attempt: Attempt, group?: number): Promise<Membership> {
    const membership = await this.requests.membership(attempt.call, attempt, aboutGroup(group))
    if (isJoint(membership)) throw changing(attempt.call, 'another change is under way')
    return membership
  }

  /** Makes these the members of a group, unless they are. */
  async #set(members: MemberList, before: Membership, attempt: Attempt, group?: number): Promise<void> {
    const { call, force = false } = attempt
    if (isSame(members, before.members)) return this.#beCommitted(before, attempt, group)
    const body = encodeChange(before.index, force, members)
    try {
      await this.requests.requestText(call, { type: RequestKind.CHANGE_MEMBERS, body, ...aboutGroup(group) }, attempt)
    } catch (error) {
      // The member in this process took itself out, and heard of that before it heard the answer.
      const isOut =
        error instanceof RafterError && error.code === 'MEMBER_REMOVED' && !members.some(({ id }) => id === before.self)
      if (!isOut) throw error
    }
  }

  /** What is in force need not be committed: it may be undone. MEMBERS_CHANGING while it is not. */
  async #beCommitted({ index, self }: Membership, attempt: Attempt, group?: number): Promise<void> {
    if (index === 0) return
    const status = await this.requests.ownStatus(attempt.call, attempt, aboutGroup(group))
    if (status.id !== self || status.committed < index) throw changing(attempt.call, 'the last change is not committed yet')
  }

  /** Each group has members of its own, which are the same. */
  async #groupCount(attempt: Attempt): Promise<number> {
    for (let group = 1; ; group++) {
      try {
        await this.requests.membership(attempt.call, attempt, { group })
      } catch (error) {
        if (error instanceof RafterError && error.code === 'GROUP_NOT_FOUND') return group
        throw error
      }
    }
  }
}

const aboutGroup = (group: number | undefined) => (group === undefined ? {} : { group })

function changing(call: string, why: string): RafterError {
  return new RafterError('MEMBERS_CHANGING', `${call}: ${why}`, { outcome: 'not-done' })
}

/** What the call ends with: TIMEOUT with the reason if it only took too long, and whether it may be made all the same. */
function lastError(error: RafterError, isPassing: boolean, isUncertain: boolean): RafterError {
  if (!isPassing && (!isUncertain || error.outcome === 'unknown')) return error
  const code = isPassing ? 'TIMEOUT' : error.code
  const text = isPassing ? `${error.message} (${error.code}); not made in time` : error.message
  const more = 'it may have been made, or may still be: see members.list()'
  const outcome = isUncertain ? 'unknown' : 'not-done'
  return new RafterError(code, isUncertain ? `${text}; ${more}` : text, { outcome, details: error.details, cause: error.cause })
}

/** What a forced change ends with that no leader took, or that nobody can commit: it is made by the voters that there are, or not at all. */
function withWayOut(error: RafterError, isForced: boolean): RafterError {
  const { code, outcome, details, cause } = error
  if (!isForced || !LEADERLESS.includes(code)) return error
  const text = `${error.message}; force too needs a majority of the voters that there are. If they are gone for good: ${WAY_OUT}`
  return new RafterError(code, text, { outcome, details, cause })
}
