// How a leader's entries reach a follower: probing for the shared end of the logs, pipelining within the window,
// catching up within the window too, message by message, or by snapshot.
import { Chunks } from './chunks.js'
import { type After, AT_ONCE, BESIDE, REPORTED } from './commands.js'
import { BESIDE_BYTES, SNAPSHOT_INSTALL_TIMEOUTS } from './config.js'
import type { AppendReply, Outgoing } from './message.js'
import { CATCH_UP, PROBE, type Progress, REPLICATE, SNAPSHOT } from './progress.js'
import type { Raft } from './raft.js'
import { Message } from './raft-kinds.js'
import type { Rounds } from './rounds.js'

/** Sends to the followers of one leader. */
export class Replication {
  /** Sizes of this term's entries. */
  readonly chunks: Chunks
  readonly #raft: Raft
  readonly #rounds: Rounds
  /** Nothing but heartbeats before the log is on disk up to here; 0: anything. */
  readonly #sentFrom: number
  /** The last index that a witness is sent in this step. */
  witnessLimit = 0

  constructor(raft: Raft, rounds: Rounds, termStart: number) {
    this.#raft = raft
    this.#rounds = rounds
    // Who is elected by its own vote alone may forget it, and lead the same term again with other entries.
    this.#sentFrom = raft.voters.isQuorum(new Set([raft.config.id])) ? termStart : 0
    this.chunks = new Chunks(termStart)
  }

  /** Sends what the follower's state allows. */
  replicate(follower: Progress): void {
    if (follower.state === SNAPSHOT || this.#raft.durable < this.#sentFrom) return
    if (follower.next <= this.#raft.log.baseIndex) {
      this.#sendSnapshot(follower)
      return
    }
    const limit = this.#raft.voters.holdsData(follower.id) ? this.#raft.log.lastIndex : this.witnessLimit
    if (follower.state === REPLICATE) {
      this.#pipeline(follower, limit)
      return
    }
    // Catching up: one message a step, so that the plane never reads much at once.
    if (follower.waiting || follower.window.full || (follower.state === CATCH_UP && follower.next > limit)) return
    follower.wait(this.#raft.now)
    if (follower.state === PROBE) {
      // The entries go along if they are few: after an election a follower usually needs just the no-op.
      const known = follower.next >= this.chunks.oldest && follower.next <= limit
      this.#send(follower, known ? Math.min(this.chunks.endOfRange(follower.next), limit + 1) : 0, AT_ONCE)
    } else this.#send(follower, Math.min(this.chunks.oldest, limit + 1), REPORTED)
  }

  /** Of a message whose sizes were not known, the entries before `end` went out, of so many bytes. */
  sent(follower: Progress, first: number, end: number, bytes: number): void {
    // Of an earlier attempt, if something else has been decided since.
    if (follower.state !== CATCH_UP || !follower.waiting || first > follower.next) return
    if (end === first) {
      // They are gone, or cannot be read.
      this.pause(follower)
      return
    }
    follower.sent(end, bytes, this.chunks.oldest, this.#raft.now)
  }

  /** Asks for an answer to the current round; tells the commit index; finds out if messages were lost. */
  heartbeat(follower: Progress): void {
    const { log, term, commit } = this.#raft
    const known = follower.state !== SNAPSHOT && follower.next > log.baseIndex
    // 0 matches every log: the answer only shows that the follower is there.
    const previousIndex = known ? follower.next - 1 : 0
    const previousTerm = known ? log.term(previousIndex) : 0
    const round = this.#rounds.current
    follower.sentCommit = commit
    const message: Outgoing = { kind: Message.APPEND, term, previousIndex, previousTerm, commit, round, first: 0, end: 0 }
    this.#raft.send(follower.id, message, AT_ONCE)
    // That one comes behind all entries that were sent before, which it asks for. Where these take their time another one does not wait.
    if (follower.window.bytes > BESIDE_BYTES) {
      this.#raft.send(follower.id, { ...message, previousIndex: 0, previousTerm: 0 }, BESIDE)
    }
  }

  /** The follower's log equals ours up to `index` on its disk, and up to `previousIndex` in its memory. */
  accepted(follower: Progress, { index: match, previousIndex }: AppendReply): void {
    const { next } = follower
    follower.advance(match, this.#rounds.current, this.#raft.now)
    if (follower.state === REPLICATE) return
    if (follower.state === SNAPSHOT) {
      if (follower.match >= this.#raft.log.baseIndex) this.#resume(follower, follower.match + 1)
      else if (follower.snapshotSent && match >= follower.snapshotFrom) this.retry(follower)
      return
    }
    const reached = Math.max(match, previousIndex)
    if (follower.state === PROBE && reached >= next - 1) this.#resume(follower, reached + 1)
  }

  /** The follower does not have `previousIndex`; it may equal us up to `hint`, of `hintTerm`. */
  rejected(follower: Progress, { index: hint, hintTerm, round, previousIndex }: AppendReply): void {
    if (follower.state === SNAPSHOT) return
    if (previousIndex <= follower.match) {
      // Either an old answer, or the follower lost what it had acknowledged (a disk that does not keep its word).
      if (round <= follower.matchRound) return
      follower.match = 0
    } else if (follower.state === PROBE && previousIndex !== follower.next - 1) return
    const { log } = this.#raft
    const shared = log.lastWithin(hint, hintTerm)
    follower.probe(Math.max(follower.match, Math.min(shared, previousIndex - 1)) + 1)
  }

  /** The follower says what became of a snapshot: look where it stands, from there; it may need another one. */
  installed(follower: Progress, index: number, ok: boolean): void {
    // An earlier one's, while a later one is on its way.
    if (follower.state !== SNAPSHOT || (index > 0 && index < follower.snapshotFrom)) return
    if (!ok) {
      this.pause(follower)
      return
    }
    follower.next = Math.max(follower.next, Math.min(index, this.#raft.log.lastIndex) + 1)
    this.retry(follower)
  }

  /** Nothing is known of the snapshot's way: look where the follower stands. */
  retry(follower: Progress): void {
    follower.probe(Math.max(follower.next, follower.match + 1))
  }

  /** Something has failed: look where the follower stands with the next heartbeat. */
  pause(follower: Progress): void {
    this.retry(follower)
    follower.wait(this.#raft.now)
  }

  /** Gives up waiting for an answer that does not come. */
  checkWaiting(follower: Progress): void {
    const { now, config } = this.#raft
    const waited = now - follower.waitingSince
    if (follower.state === SNAPSHOT) {
      if (follower.snapshotSent && waited > SNAPSHOT_INSTALL_TIMEOUTS * config.electionTimeout) this.retry(follower)
    } else if (follower.state === PROBE && follower.waiting && waited > config.electionTimeout) follower.waiting = false
  }

  /** `limit`: the last index that it may be sent. */
  #pipeline(follower: Progress, limit: number): void {
    while (follower.next <= limit && !follower.window.full) {
      if (follower.next < this.chunks.oldest) {
        follower.resume(follower.next, this.chunks.oldest)
        this.replicate(follower)
        return
      }
      const end = Math.min(this.chunks.endOfRange(follower.next), limit + 1)
      this.#send(follower, end, AT_ONCE)
      follower.window.add(end, this.chunks.rangeBytes, this.#raft.now)
      follower.next = end
    }
  }

  /** Sends entries from `next` up to `end`; 0: none. */
  #send(follower: Progress, end: number, after: After): void {
    const { log, term, commit } = this.#raft
    const previousIndex = follower.next - 1
    const previousTerm = log.term(previousIndex)
    const first = end > follower.next ? follower.next : 0
    follower.sentCommit = commit
    const round = this.#rounds.current
    const stop = first === 0 ? 0 : end
    const message: Outgoing = { kind: Message.APPEND, term, previousIndex, previousTerm, commit, round, first, end: stop }
    this.#raft.send(follower.id, message, after)
  }

  #sendSnapshot(follower: Progress): void {
    const { now, config, commands, applied } = this.#raft
    // Not to one that does not answer: it will be found with the heartbeats.
    if (follower.waiting || now - follower.heardAt > config.electionTimeout) return
    follower.sendSnapshot(applied, now)
    commands.snapshotSend(follower.id)
  }

  #resume(follower: Progress, next: number): void {
    follower.resume(Math.min(next, this.#raft.log.lastIndex + 1), this.chunks.oldest)
  }
}
