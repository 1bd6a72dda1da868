// Compacts the history of the groups that this process's member leads, through the log, as any client may. Every member follows how
// old its revisions are; the leader alone asks for a compaction. Knows no storage; what may go, `retention.ts` says.

import { MemberConnection } from '../connection/member-connection.js'
import type { PortFactory } from '../connection/port.js'
import { BATCH_HEADER_BYTES, writeBatchCount, writeBatchPlace } from '../wire/header.js'
import { parseStatus } from '../wire/membership.js'
import { COMPACT_BYTES, writeCompact } from '../wire/operations.js'
import { RequestKind } from '../wire/request-kinds.js'
import { type Keep, Retention } from './retention.js'

/** Milliseconds between two checks. */
const CHECK_EVERY_MS = 1000
/** Groups that are checked at in one go: with more of them, each is checked at less often. */
const GROUPS_A_CHECK = 16
/** Time for an answer, ms. Without one the next check tries again. */
const ANSWER_MS = 5000

export class Compactor {
  readonly #retentions: Retention[]
  readonly #timer: NodeJS.Timeout
  #next = 0
  #checking: Promise<void> | null = null
  #closed = false

  private constructor(
    private readonly connection: MemberConnection,
    keep: Keep,
    groups: number,
  ) {
    this.#retentions = Array.from({ length: groups }, () => new Retention(keep))
    this.#timer = setInterval(() => {
      this.#checking ??= this.#check().finally(() => {
        this.#checking = null
      })
    }, CHECK_EVERY_MS)
    this.#timer.unref()
  }

  /** Begins, for a member with so many groups; null if everything is kept. */
  static async start(ports: PortFactory, keep: Keep, groups: number): Promise<Compactor | null> {
    if (!Number.isFinite(keep.ageMs) && !Number.isFinite(keep.revisions)) return null
    return new Compactor(await MemberConnection.open(ports, '', 0, ANSWER_MS), keep, groups)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.connection.close()
  }

  async #check(): Promise<void> {
    const count = Math.min(GROUPS_A_CHECK, this.#retentions.length)
    for (let checked = 0; checked < count && !this.#closed; checked++) {
      const group = this.#next
      this.#next = (group + 1) % this.#retentions.length
      // No leader, no time, a compaction by somebody else: the next check finds out what is left to do.
      await this.#compactGroup(group).catch(() => {})
    }
  }

  async #compactGroup(group: number): Promise<void> {
    const status = parseStatus(await this.connection.requestText(RequestKind.STATUS, new Uint8Array(0), ANSWER_MS, group))
    const { revision, compactedRevision, crowdedRevision } = status
    const to = this.#retentions[group]?.next(performance.now(), revision, compactedRevision, crowdedRevision) ?? 0
    if (to > 0 && status.role === 'leader' && !this.#closed)
      await this.connection.requestText(RequestKind.WRITE, compaction(to), ANSWER_MS, group)
  }
}

/** A batch that compacts. Outside of any session: to do it twice is to do it once. */
function compaction(revision: number): Uint8Array {
  const bytes = Buffer.alloc(BATCH_HEADER_BYTES + COMPACT_BYTES)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  writeBatchPlace(view, 0, 0, 1, 1)
  writeBatchCount(view, 0, 1)
  writeCompact({ bytes, view }, BATCH_HEADER_BYTES, revision)
  return bytes
}
