// How a member that runs already comes to be one of a cluster: it takes itself in as a learner, catches up, and has itself made a voter.
// Each step is looked at before it is done, so that a start anew goes on where the last one ended. Knows no native module.
import type { ErrorCode } from '../../codes.js'
import { RafterError } from '../../errors.js'
import type { NewMember } from '../api.js'
import { checkSignal } from '../arguments/signal.js'
import { Backoff } from '../connection/backoff.js'
import type { PortFactory } from '../connection/port.js'
import type { ClientDatabase } from '../database/database.js'
import { LeaderSearch } from '../leader/leader-search.js'
import { planJoin, planPromote } from '../members/wanted.js'
import { type ConfiguredMember, isVoter, type Membership } from '../wire/membership.js'

/** So long nothing may come of it before the log says why, ms. */
const SILENCE_MS = 10_000

/** What may pass, however long it takes: members start again, links heal, others end their changes. */
const PASSING: readonly ErrorCode[] = ['TIMEOUT', 'UNREACHABLE', 'NO_LEADER', 'LEADER_LOST', 'QUORUM_AT_RISK', 'BUSY']

/** What is told of a cluster before one is a member. */
export interface ClusterToJoin {
  /** Its identity; never 0. */
  cluster: number
  members: readonly ConfiguredMember[]
}

/** Asks the endpoints who the members are. UNREACHABLE after `timeout` ms, NO_LEADER if who answers knows no identity by then. */
export async function askCluster(
  ports: PortFactory,
  endpoints: readonly string[],
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<ClusterToJoin> {
  const deadline = performance.now() + timeout
  const search = new LeaderSearch(ports, { group: 0, cluster: 0 }, [...endpoints])
  const backoff = new Backoff()
  let answered = ''
  for (;;) {
    checkSignal(signal, 'open')
    const found = await search.find('')
    found?.connection.close()
    if (found !== null && found.membership.cluster !== 0) return found.membership
    answered = found?.connection.endpoint ?? answered
    if (performance.now() >= deadline) {
      if (answered === '') throw search.failure('join')
      throw new RafterError('NO_LEADER', `join: ${answered} has not heard of a leader yet; see that most of the members run`)
    }
    await new Promise((resolve) => setTimeout(resolve, backoff.delay()))
  }
}

/**
 * CLUSTER_MISMATCH if members of another cluster than `own`, that of this member's data directory, are at the endpoints, and none of its
 * own. Nobody answers: nothing is known.
 */
export async function checkCluster(ports: PortFactory, endpoints: readonly string[], own: number): Promise<void> {
  const search = new LeaderSearch(ports, { group: 0, cluster: own }, [...endpoints])
  const found = await search.find('')
  found?.connection.close()
  if (found !== null || !search.isForeign) return
  const text =
    `join: this data directory is of a member of cluster ${own.toString(16)}, and the members at ${endpoints.join(', ')} are of another ` +
    'one, where what it holds counts for nothing. To join that one, start with an empty data directory; to go on with this one, leave join out'
  throw new RafterError('CLUSTER_MISMATCH', text, { details: search.failure('join').details })
}

export interface Joining {
  /** This member. `endpoint`: where the others reach it. */
  self: NewMember & { id: number }
  /** Of members of the cluster. */
  endpoints: readonly string[]
  /** The database over this member. */
  own: ClientDatabase
  /** A client of the members at these endpoints. */
  connect: (endpoints: string[]) => Promise<ClientDatabase>
  log: (line: string, level: 'info' | 'warn') => void
  signal: AbortSignal | undefined
}

/**
 * Resolves when this member votes, and the others know where it is. Rejects if it cannot be: INVALID_ARGUMENT (a voter has its name, or
 * another member its endpoint), TOKEN_MISMATCH, MEMBER_REMOVED, ABORTED. There is no time-out: catching up may take long.
 */
export async function becomeMember(joining: Joining): Promise<void> {
  const { own, self, log } = joining
  const before = placeOf(await own.membership(), self)
  if (!before.isKnown) {
    log(`asks the cluster to take in ${self.name} at ${self.endpoint}`, 'info')
    await insist(joining, () => takeIn(joining))
    log(before.isVoter ? `is at ${self.endpoint} from now on` : 'was taken in, learns, and copies what there is', 'info')
  }
  if (before.isVoter) return
  await insist(joining, () => own.changeMembers('promote', planPromote(self.id), { signal: joining.signal }))
  log('has caught up, and votes', 'info')
}

/** What the cluster knows of a member: whether it votes, and whether it is where it is. */
function placeOf({ members, index }: Membership, { id, endpoint }: Joining['self']) {
  // What no entry says is what it was told itself.
  const known = index === 0 ? undefined : members.find((member) => member.id === id)
  return { isVoter: known !== undefined && isVoter(known), isKnown: known?.endpoint === endpoint }
}

/** By way of other members: whoever does not know this one, or not where it is, does not speak to it. */
async function takeIn({ self, endpoints, own, connect, signal }: Joining): Promise<void> {
  const others = (await own.membership()).members.filter(({ id, endpoint }) => id !== self.id && endpoint !== '')
  const db = await connect([...new Set([...endpoints, ...others.map(({ endpoint }) => endpoint)])])
  try {
    await db.changeMembers('join', planJoin(self), { signal })
  } finally {
    await db.close()
  }
}

/** Tries until it is done, or cannot be; says what keeps it from time to time. */
async function insist(joining: Joining, step: () => Promise<unknown>): Promise<void> {
  const { log, signal } = joining
  let saidAt = performance.now()
  const backoff = new Backoff()
  for (;;) {
    checkSignal(signal, 'open')
    try {
      await step()
      return
    } catch (error) {
      if (!(error instanceof RafterError) || !PASSING.includes(error.code)) throw error
      await checkToken(joining)
      if (performance.now() - saidAt > SILENCE_MS) {
        log(`is not a voter yet: ${error.message} (${error.code})`, 'warn')
        saidAt = performance.now()
      }
    }
    await new Promise((resolve) => setTimeout(resolve, backoff.delay()))
  }
}

/** TOKEN_MISMATCH if that is why nobody speaks to this member. */
async function checkToken({ own, self }: Joining): Promise<void> {
  const { peers } = await own.ownStatus()
  const isRefused = peers.some(({ code }) => code === 'TOKEN_MISMATCH') && !peers.some(({ connected }) => connected)
  if (!isRefused) return
  const text = `join: the members have another cluster token than ${self.name}, or none; give it theirs and start it again`
  throw new RafterError('TOKEN_MISMATCH', `${text}. Until then it is a learner that is down`)
}
