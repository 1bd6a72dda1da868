// The leader: takes proposals into its log, counts what a quorum has on disk, confirms reads, and steps down when it
// hears from no quorum. How entries reach a follower is in replication.ts.
import { Code } from '../codes.js'
import { limits } from '../limits.js'
import { assert } from './assert.js'
import { Change } from './change.js'
import { CLOCK_DRIFT_SHARE, COMMIT_DELAY_SHARE, STALL_HEARTBEATS } from './config.js'
import type { Wish } from './configuration.js'
import { Lease } from './lease.js'
import { HELD_TIMEOUTS } from './log-compaction.js'
import type { AppendReply, Incoming } from './message.js'
import { mayLead, Preference, preferred } from './preference.js'
import { Progress, SNAPSHOT } from './progress.js'
import type { Raft } from './raft.js'
import { Message, Role } from './raft-kinds.js'
import { ReadQueue } from './read.js'
import { Replication } from './replication.js'
import { Rounds } from './rounds.js'
import { type Held, Transfer } from './transfer.js'
import { WitnessLimit } from './witness-limit.js'

/** One member while it leads, for one term. */
export class Leader {
  readonly role = Role.LEADER
  readonly #raft: Raft
  /** In the order of the group's members, this one left out. */
  #followers: readonly Progress[] = []
  /** Where this member stands among all members; −1: it is none any more. */
  #ownSlot = -1
  /** What voters.ts counts, a number for each member; used anew by each count. */
  readonly #numbers = new Float64Array(limits.membersMax)
  readonly #replication: Replication
  readonly #rounds = new Rounds()
  readonly #reads: ReadQueue
  readonly #lease: Lease
  readonly #transfer: Transfer
  readonly #change: Change
  readonly #witnessLimit: WitnessLimit
  readonly #preference: Preference
  /** Index of this term's first entry, the no-op: what an earlier leader acknowledged is at or below it. */
  readonly #termStart: number
  #heartbeatDeadline: number
  /** Heartbeats in a row that have seen this member hang. */
  #hung = 0
  /** When followers are told of a commit that no append has told them; ∞: nothing to tell. */
  #commitDeadline = Number.POSITIVE_INFINITY

  constructor(raft: Raft) {
    this.#raft = raft
    this.#termStart = raft.log.lastIndex + 1
    this.#takeMembers()
    this.#replication = new Replication(raft, this.#rounds, this.#termStart)
    this.#reads = new ReadQueue(raft.commands)
    this.#lease = new Lease(raft.config, raft.commands)
    this.#transfer = new Transfer(raft, this.#lease)
    this.#change = new Change(raft, this.#replication.chunks, this.#termStart)
    this.#witnessLimit = new WitnessLimit(raft)
    this.#preference = new Preference(raft.config.electionTimeout)
    this.#heartbeatDeadline = this.#nextHeartbeat()
  }

  get deadline(): number {
    return Math.min(this.#heartbeatDeadline, this.#commitDeadline, this.#transfer.deadline)
  }

  /** What it knows of each follower, for tests and tools. */
  get followers(): readonly Progress[] {
    return this.#followers
  }

  /** The newest round. */
  get round(): number {
    return this.#rounds.current
  }

  /** Followers that answer, or are being restored, need the entries after this one; ∞: none does. */
  get neededAfter(): number {
    const { now, config } = this.#raft
    let needed = Number.POSITIVE_INFINITY
    for (const follower of this.#followers) {
      const patience = config.electionTimeout * (follower.restoring ? HELD_TIMEOUTS : 1)
      if (now - follower.heardAt <= patience) needed = Math.min(needed, follower.has)
    }
    return needed
  }

  /** Writes the no-op that makes earlier entries countable (Raft thesis, 3.6.2 and 6.4). */
  start(): void {
    const { commands, log, term } = this.#raft
    this.#rounds.begin(this.#raft.now)
    commands.noop(this.#termStart, term)
    log.append(term, 1)
    this.#replication.chunks.add(1, 0)
  }

  receive(message: Incoming): void {
    if (message.handle !== 0) this.#raft.commands.drop(message.handle)
    const follower = this.#followers.find((candidate) => candidate.id === message.from)
    assert(follower !== undefined, 'a follower is a peer', { from: message.from })
    if (message.kind === Message.APPEND_REPLY) this.#answered(follower, message)
    if (message.kind === Message.SNAPSHOT_STATUS) this.#replication.installed(follower, message.index, message.installed)
  }

  proposals(count: number, bytes: number): void {
    if (this.#transfer.active) this.#transfer.hold(count, bytes)
    else this.#accept(count, bytes)
  }

  reads(sequence: number): void {
    this.#reads.ask(sequence)
  }

  snapshotSent(peer: number, ok: boolean, index: number): void {
    const follower = this.#followers.find((candidate) => candidate.id === peer)
    if (follower === undefined || follower.state !== SNAPSHOT) return
    if (ok) follower.handedOver(index, this.#raft.now)
    else this.#replication.pause(follower)
  }

  /** The plane sent entries whose sizes were not known; see `REPORTED`. */
  sent(peer: number, first: number, end: number, bytes: number): void {
    const follower = this.#followers.find((candidate) => candidate.id === peer)
    if (follower !== undefined) this.#replication.sent(follower, first, end, bytes)
  }

  /** The follower has lost its data, or never had any. Its questions are no sign that it follows. */
  forget(peer: number, nonce: number): void {
    const follower = this.#followers.find((candidate) => candidate.id === peer)
    if (follower === undefined || follower.nonce === nonce) return
    follower.forget(nonce, this.#rounds.begin(this.#raft.now))
    // Before the answer goes out, and with it the way to a vote: the lease may have rested on what was forgotten.
    this.#lease.shorten(this.#promisedUntil(), this.#raft.now)
  }

  startTransfer(peer: number): void {
    const { config, voters } = this.#raft
    if (!voters.holdsData(peer)) this.#raft.commands.transferOver(peer, Code.MEMBER_IS_WITNESS)
    else if (peer !== config.id && voters.includes(peer)) this.#transfer.start(peer)
    else this.#raft.commands.transferOver(peer, Code.MEMBER_UNKNOWN)
  }

  /** The members should be these. Not while a transfer waits for a follower to have the whole log. */
  change(asker: number, wish: Wish): void {
    if (this.#transfer.active) this.#raft.commands.changeOver(asker, Code.MEMBERS_CHANGING)
    else this.#change.start(asker, wish, this.#followers)
  }

  /** The members are others. Who stays keeps its progress. */
  reconfigured(): void {
    const { voters, now } = this.#raft
    this.#takeMembers()
    const transfer = this.#transfer
    if (transfer.active && !voters.includes(transfer.target)) this.#acceptAll(transfer.giveUp(Code.MEMBER_UNKNOWN))
    // It may have rested on promises of some who keep nobody from an election any more.
    this.#lease.shorten(this.#promisedUntil(), now)
  }

  tick(): void {
    const { now } = this.#raft
    if (now >= this.#transfer.deadline) {
      const held = this.#transfer.giveUp(Code.TIMEOUT)
      this.#preference.failed(now)
      if (this.#hung >= STALL_HEARTBEATS) {
        this.#raft.follow(this.#raft.term, 0)
        return
      }
      this.#acceptAll(held)
    }
    if (now >= this.#heartbeatDeadline) this.#heartbeat()
    else if (now >= this.#commitDeadline) this.#sendCommit()
  }

  flush(): void {
    this.#advanceCommit()
    if (this.#change.advance(this.#followers, this.#transfer.active)) return
    this.#confirm()
    this.#transfer.advance(this.#followers)
    this.#replication.witnessLimit = this.#witnessLimit.last(this.#followers)
    for (const follower of this.#followers) this.#replication.replicate(follower)
    this.#scheduleCommit()
  }

  leave(): void {
    this.#change.leave()
    this.#lease.end()
  }

  #takeMembers(): void {
    const { peers, voters, config, log, now } = this.#raft
    const known = this.#followers
    this.#followers = peers.map((peer) => known.find(({ id }) => id === peer) ?? new Progress(peer, log.lastIndex + 1, now))
    this.#ownSlot = voters.members.indexOf(config.id)
  }

  #acceptAll(chunks: readonly Held[]): void {
    for (const { count, bytes } of chunks) this.#accept(count, bytes)
  }

  #accept(count: number, bytes: number): void {
    const { commands, log, term } = this.#raft
    commands.accept(log.lastIndex + 1, term, count)
    log.append(term, count)
    this.#replication.chunks.add(count, bytes)
  }

  #answered(follower: Progress, message: AppendReply): void {
    if (message.round < follower.bornRound) return
    follower.heard(this.#raft.now, this.#raft.config.electionTimeout)
    follower.round = Math.max(follower.round, message.round)
    follower.recovers = message.promise === 0
    const promise = message.promise * (1 - CLOCK_DRIFT_SHARE)
    follower.promisedUntil = Math.max(follower.promisedUntil, this.#rounds.begunAt(message.round) + promise)
    if (message.rejected) this.#replication.rejected(follower, message)
    else this.#replication.accepted(follower, message)
  }

  /** The largest number that a quorum has reached, where `own` is this member's and `numberOf` gives each follower's. */
  #reached(own: number, numberOf: (follower: Progress) => number): number {
    const numbers = this.#numbers
    let slot = 0
    for (const follower of this.#followers) {
      if (slot === this.#ownSlot) slot += 1
      numbers[slot] = numberOf(follower)
      slot += 1
    }
    if (this.#ownSlot >= 0) numbers[this.#ownSlot] = own
    return this.#raft.voters.reached(numbers)
  }

  /** Only entries of the own term are committed by counting (Raft thesis, 3.6.2, figure 3.7). */
  #advanceCommit(): void {
    const { commit, durable, log, term } = this.#raft
    const index = this.#reached(durable, (follower) => follower.match)
    if (index > commit && log.term(index) === term) this.#raft.commitTo(index)
  }

  /** Reads and lease, from the newest round that a quorum has answered. */
  #confirm(): void {
    const raft = this.#raft
    // Before the no-op is committed, the commit index may be behind what an earlier leader acknowledged.
    if (raft.commit < this.#termStart) return
    const answered = this.#answeredRound()
    this.#reads.confirm(answered)
    // The plane answers lease reads from what is applied.
    if (raft.applied >= this.#termStart && !this.#transfer.active) {
      this.#lease.extend(this.#rounds.begunAt(answered), this.#promisedUntil())
    }
    if (!this.#reads.needsRound) return
    if (this.#lease.holds(raft.now)) {
      this.#reads.serve(raft.commit)
      return
    }
    this.#reads.begin(this.#rounds.begin(raft.now), raft.commit)
    for (const follower of this.#followers) this.#replication.heartbeat(follower)
    // At once, where this member alone is a quorum.
    this.#reads.confirm(this.#answeredRound())
  }

  /** The newest round that a quorum has answered. */
  #answeredRound(): number {
    return this.#reached(this.#rounds.current, (follower) => follower.round)
  }

  /** Until then a majority elects nobody else: this member, as it leads, and as many followers as are needed, have promised. */
  #promisedUntil(): number {
    return this.#reached(Number.POSITIVE_INFINITY, (follower) => follower.promisedUntil)
  }

  #heartbeat(): void {
    const raft = this.#raft
    this.#heartbeatDeadline = this.#nextHeartbeat()
    if (!this.#hearsQuorum()) {
      raft.follow(raft.term, 0)
      return
    }
    this.#rounds.begin(raft.now)
    this.#change.heartbeat()
    this.#witnessLimit.heartbeat()
    for (const follower of this.#followers) {
      this.#replication.checkWaiting(follower)
      this.#replication.heartbeat(follower)
    }
    this.#transfer.repeat()
    this.#handOver()
    this.#prefer()
  }

  /**
   * A leader that hangs, while others have on disk what it has not, holds up a cluster that could go on: it hands over to
   * the one that has most, or steps down. If nobody has more, nobody could do better.
   */
  #handOver(): void {
    const { hangs, diskHangs, durable, commit, now, config, voters } = this.#raft
    this.#hung = hangs ? this.#hung + 1 : 0
    if (this.#hung < STALL_HEARTBEATS || this.#transfer.active) return
    const least = diskHangs ? durable + 1 : commit
    const able = this.#followers.filter(
      ({ id, match, heardAt }) => mayLead(voters, id) && match >= least && now - heardAt <= config.electionTimeout,
    )
    const most = Math.max(...able.map(({ match }) => match))
    const best = preferred(
      voters,
      able.filter(({ match }) => match === most),
    )
    if (best !== undefined) this.#transfer.start(best.id)
  }

  /** Somebody of a higher priority has kept up for long: it should lead. Not while members change, which this leader has begun to make. */
  #prefer(): void {
    const { voters, config, configurations, commit, now, hangs } = this.#raft
    const changes = voters.isJoint || commit < Math.max(this.#termStart, configurations.current.index)
    if (changes || hangs || this.#transfer.active) return
    const better = this.#preference.better(voters, config.id, this.#followers, this.#change.keptUp, now)
    if (better !== undefined) this.#transfer.start(better.id)
  }

  /** Check-quorum: a leader that is cut off gives up by itself, so that its clients look elsewhere (Raft thesis, 6.2). */
  #hearsQuorum(): boolean {
    const { now, config } = this.#raft
    return this.#reached(now, (follower) => follower.heardAt) > now - config.electionTimeout
  }

  #scheduleCommit(): void {
    const { commit, now, config } = this.#raft
    const sent = this.#followers.every((follower) => follower.sentCommit >= commit)
    if (sent) this.#commitDeadline = Number.POSITIVE_INFINITY
    else if (this.#commitDeadline === Number.POSITIVE_INFINITY) {
      this.#commitDeadline = now + config.heartbeatInterval * COMMIT_DELAY_SHARE
    }
  }

  #sendCommit(): void {
    this.#commitDeadline = Number.POSITIVE_INFINITY
    for (const follower of this.#followers) {
      if (follower.sentCommit < this.#raft.commit) this.#replication.heartbeat(follower)
    }
  }

  /** On a grid, so that the heartbeats of many groups share wake-ups and frames. */
  #nextHeartbeat(): number {
    const { now, config } = this.#raft
    return (Math.floor(now / config.heartbeatInterval) + 1) * config.heartbeatInterval
  }
}
