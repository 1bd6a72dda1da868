// Hears who the members are and who leads, as soon as it is something else: one question that waits at the member in use, and is asked
// again with each answer. Knows neither what follows from it nor which member is in use.
import type { RafterError } from '../../errors.js'
import type { Slabs } from '../buffers/slab.js'
import { Request } from '../calls/request.js'
import type { Stream } from '../calls/stream.js'
import { HEADER_BYTES } from '../wire/header.js'
import { isEarlier, KNOWN_BYTES, type Membership, parseMembers, writeKnown } from '../wire/membership.js'
import { RequestKind } from '../wire/request-kinds.js'
import type { Result } from '../wire/results.js'
import type { Dispatcher } from './dispatcher.js'

/** Is told whatever a member says, also if that was known, or known better. */
export type MembersListener = (membership: Membership) => void

export class MemberNews implements Stream {
  readonly fromNow = false
  readonly #dispatcher: Dispatcher
  readonly #listeners = new Set<MembersListener>()
  /** With whoever was said to lead last; null: nothing was heard yet. */
  #known: Membership | null = null
  #isAsking = false

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher
  }

  /** Whether an answer will come. Not from a member of an older version once it has told what it knows: it is to be asked again. */
  get isAsking(): boolean {
    return this.#isAsking
  }

  /** Who the members are by the latest configuration that was heard of. */
  get known(): Membership | null {
    return this.#known
  }

  /** Asks as long as somebody listens. Returns what ends it. */
  on(listener: MembersListener): () => void {
    this.#listeners.add(listener)
    this.ask()
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#stop()
    }
  }

  /** Asks, unless that is under way. */
  ask(): void {
    if (this.#isAsking || this.#dispatcher.ended !== null) return
    this.#isAsking = true
    this.#dispatcher.openStream(this)
  }

  open(id: number, slabs: Slabs): Request {
    const known = this.#known
    const slab = slabs.single(HEADER_BYTES + KNOWN_BYTES)
    const request = new Request(id, RequestKind.MEMBERS, slab, 0, HEADER_BYTES)
    if (known !== null) request.end = writeKnown(slab.view, HEADER_BYTES, known)
    request.stream = this
    request.waiting = 1
    return request
  }

  deliver(result: Result): void {
    this.#stop()
    const heard = membersOf(result)
    if (heard === null) return
    const before = this.#known
    const leader = heard.leader === 0 ? (before?.leader ?? 0) : heard.leader
    this.#known = { ...(before === null || !isEarlier(heard, before) ? heard : before), leader }
    // What says nothing new has not waited: an older version, which would be asked without end.
    if (before === null || isEarlier(before, heard) || leader !== before.leader) this.ask()
    for (const listener of [...this.#listeners]) listener(heard)
  }

  ended(_error: RafterError): void {
    this.#stop()
  }

  #stop(): void {
    this.#dispatcher.closeStream(this)
    this.#isAsking = false
  }
}

/** Null: what a member says cannot be read, and says nothing. */
function membersOf(result: Result): Membership | null {
  try {
    return parseMembers(result.text())
  } catch {
    return null
  }
}
