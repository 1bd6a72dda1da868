// Follows the leader: which remote member the dispatcher's port leads to.
// Knows no operations, nor how a leader is found. An embedded member needs none of this: there is one port, and its member forwards.
import type { ErrorCode } from '../../codes.js'
import type { RafterError } from '../../errors.js'
import { Backoff } from '../connection/backoff.js'
import type { MemberConnection } from '../connection/member-connection.js'
import type { PortFactory } from '../connection/port.js'
import type { Dispatcher } from '../dispatch/dispatcher.js'
import type { MemberNews } from '../dispatch/member-news.js'
import type { Membership } from '../wire/membership.js'
import { endpointOfLeader, type Found, isLeader, LeaderSearch, leaderOf } from './leader-search.js'

/** Requests wait this long without any response before other members are asked whether the leader has changed. Milliseconds. */
const STALL_MS = 1000
/** How often a stall is looked for, ms. */
const STALL_CHECK_MS = 500
/**
 * A member tells by itself when others lead or are members. One of an older version only answers: while it is used it is asked so often, as
 * it forwards after a transfer, which costs a hop. Milliseconds.
 */
const FOLLOW_MS = 1000
/** And so often while it is not, ms. */
const LEARN_MS = 60_000
/** Within this time of hearing that another leads, its clients go there, each at a moment of its own: all have heard at once. Milliseconds. */
const SPREAD_MS = 500
/** Longest wait between questions who leads, while another member than the leader is used. Milliseconds. */
const RECHECK_MS_MAX = 5000

export class LeaderConnection {
  readonly #dispatcher: Dispatcher
  readonly #search: LeaderSearch
  #connection: MemberConnection | null = null
  #seeking = false
  #closed = false
  #wait: { timer: NodeJS.Timeout; end: () => void } | null = null
  #recheck: NodeJS.Timeout | null = null
  #recheckMs = STALL_CHECK_MS / 5
  readonly #stallCheck: NodeJS.Timeout
  readonly #news: MemberNews
  readonly #offNews: () => void
  /** When the member in use said last who leads, ms of performance.now(). */
  #followedAt = 0
  #whenUp: (() => void)[] = []

  constructor(factory: PortFactory, dispatcher: Dispatcher, endpoints: string[], news: MemberNews) {
    this.#dispatcher = dispatcher
    this.#search = new LeaderSearch(factory, dispatcher, endpoints)
    this.#stallCheck = setInterval(() => this.#check(), STALL_CHECK_MS)
    this.#stallCheck.unref()
    this.#news = news
    this.#offNews = news.on((membership) => this.#heard(membership))
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
    throw this.#search.failure('connect')
  }

  /** The endpoint in use; null: none. */
  get endpoint(): string | null {
    return this.#connection?.endpoint ?? null
  }

  /** An error of `call` that names each endpoint and why it is of no use; null if there is a connection. */
  unreachable(call: string): RafterError | null {
    return this.#connection === null ? this.#search.failure(call) : null
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
    const reason = message === '' ? code : message
    this.#search.lost(connection.endpoint, reason)
    connection.close()
    this.#dispatcher.detach(`${connection.endpoint}: ${reason}`)
    this.#seek()
  }

  close(): void {
    this.#closed = true
    this.#offNews()
    clearInterval(this.#stallCheck)
    if (this.#recheck !== null) clearTimeout(this.#recheck)
    if (this.#wait !== null) {
      clearTimeout(this.#wait.timer)
      this.#wait.end()
    }
    this.#connection?.close()
    this.#connection = null
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
      const found = await this.#search.find(hint)
      hint = ''
      if (this.#closed) {
        found?.connection.close()
        return
      }
      if (found !== null) this.#choose(found)
      if (this.#connection !== null) return
      if (this.#search.isForeign) this.#dispatcher.endStreams(this.#search.failure('watch'))
      await this.#sleep(backoff.delay())
      if (this.#closed) return
    }
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

  #seekIn(ms: number): void {
    if (this.#recheck !== null) clearTimeout(this.#recheck)
    this.#recheck = setTimeout(() => this.#seek(), ms)
    this.#recheck.unref()
  }

  #recheckLater(): void {
    this.#seekIn(this.#recheckMs)
    this.#recheckMs = Math.min(2 * this.#recheckMs, RECHECK_MS_MAX)
  }

  /** A member that accepts requests and answers none may be stopped or cut off: others may have a new leader. */
  #check(): void {
    const { underWay, sentAt, heardAt } = this.#dispatcher
    const now = performance.now()
    if (underWay > 0 && now - Math.max(sentAt, heardAt) > STALL_MS) this.#seek()
    // While nobody uses it, it does not matter who leads, but who is left: all members that are known may be replaced one day.
    else if (this.#connection !== null && now - this.#followedAt > (heardAt > this.#followedAt ? FOLLOW_MS : LEARN_MS)) {
      this.#news.ask()
    }
  }

  /** The member in use says who the members are: goes to the leader that it names. */
  #heard(membership: Membership): void {
    this.#followedAt = performance.now()
    this.#dispatcher.confirmCluster(membership.cluster)
    this.#search.learn(membership)
    const leader = isLeader(membership) ? '' : endpointOfLeader(membership)
    if (leader !== '' && leader !== this.#connection?.endpoint) this.#seekIn(Math.random() * SPREAD_MS)
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      timer.unref()
      this.#wait = { timer, end: resolve }
    })
  }
}
