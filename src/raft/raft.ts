// One Raft group's core: the state that every role shares, the events that arrive, and the ways from role to role.
// Pure: time arrives as a number, randomness as a seed, and what should happen leaves as commands. Knows no payload.
import { Code } from '../codes.js'
import { assert } from './assert.js'
import type { Behaviour } from './behaviour.js'
import { Candidate } from './candidate.js'
import { type After, AT_ONCE, type Commands } from './commands.js'
import { APPLY_STALL_MS, checkConfig, ELECTION_SPREAD_SHARE, type RaftConfig, votersOf } from './config.js'
import { type ConfigurationEntry, Configurations, type Wish } from './configuration.js'
import { Follower } from './follower.js'
import { hear, isForAnybody } from './hear.js'
import { Leader } from './leader.js'
import type { Log } from './log.js'
import { cutIndex } from './log-compaction.js'
import type { Incoming, Outgoing } from './message.js'
import { logOf, type Opened } from './opened.js'
import { doubt } from './plausible.js'
import { Message, Role } from './raft-kinds.js'
import { Random } from './random.js'
import { Recovery } from './recovery.js'
import { Stall } from './stall.js'
import type { Voters } from './voters.js'

/** One group. Set `now`, call one method for each event, then `flush` once. */
export class Raft {
  readonly config: RaftConfig
  readonly commands: Commands
  /** What the log says of who votes. */
  readonly configurations: Configurations
  /** The other members. */
  peers: readonly number[] = []
  /** Who decides with this member, and who only follows: those of the last configuration, or of `reconfigure`. */
  voters: Voters
  readonly log: Log
  readonly random: Random
  /** A number that no other life of this member has had. */
  readonly life: number

  /** The time of this step, ms. Never goes back. */
  now = 0
  /** Never decreases. */
  term = 0
  /** Whom this member voted for in `term`; 0: nobody. */
  vote = 0
  /** The leader of `term`, as far as known; 0: unknown. */
  leader = 0
  /** Committed in the group, as far as known: commit ≤ log.lastIndex, and never decreases. */
  commit = 0
  /** On this member's disk: durable ≤ log.lastIndex. Decreases when a new leader truncates the log. */
  durable = 0
  /** In this member's state machine: applied ≤ what was handed over ≤ commit, and ≤ what is on disk, durable or about to be told. */
  applied = 0
  /** For how long from each append that it hears this member promises to give no vote, ms: its own election timeout. */
  readonly promise: number
  /** When votes may be given again: every promise since a leader was heard, or of an earlier life, is over. Never decreases. */
  stickyUntil = 0
  /** When this member campaigns unless it hears of a leader; not before its promises are over, as it votes for itself. */
  electionDeadline = 0
  /** Messages that were not believed, and why the last one was not. */
  refused = 0
  refusal = ''
  /** Until this member is whole again: what it may hear and do; null: anything. */
  recovery: Recovery | null = null

  readonly #disk = new Stall()
  readonly #stateMachine = new Stall()
  #electionTimeout = 0
  #commitHandedOver = 0
  #hardStateChanged = false
  /** What the leader said to be committed when it was asked; 0: nothing. */
  #reportedIndex = 0
  #reportedTerm = 0
  /** First index that this step has truncated; ∞: none. The plane cannot know yet that its reports from there on are void. */
  #truncatedFrom = Number.POSITIVE_INFINITY
  /** Everything that waits fails at the end of this step, with this code; OK: nothing does. */
  #failure: number = Code.OK
  #announced = ''
  #behaviour: Behaviour

  constructor(config: RaftConfig, commands: Commands, now: number, opened: Opened) {
    checkConfig(config)
    this.config = config
    this.commands = commands
    this.now = now
    this.configurations = new Configurations(votersOf(config), opened.configurations ?? [])
    this.voters = this.configurations.current.voters
    this.peers = this.#othersIn(this.voters)
    this.random = new Random(config.seed, config.id, config.group)
    this.life = Math.floor(new Random(config.seed, config.id, config.group, now).between(1, 2 ** 32))
    this.log = logOf(opened)
    this.#restore(opened)
    this.#behaviour = new Follower(this)
    if (this.configurations.current.index > 0) this.takeEffect()
    // Leases rely on what this member promised before it stopped, so it keeps quiet for as long as it may have promised.
    this.promise = Math.floor(config.electionTimeout)
    this.stickyUntil = now + Math.max(config.electionTimeout, config.promisedBefore)
    this.restartElectionTimer()
    // Who was founded alone has promised nothing to anybody; who is left alone may have, to a leader that is leaving and has a lease.
    if (this.peers.length === 0 && this.configurations.current.index === 0) this.electionDeadline = now
    this.#announce()
    if (!opened.recovering) return
    this.recovery = new Recovery(this)
    // Nobody knows more of a single member than itself.
    if (this.peers.length === 0) this.recovered()
  }

  /** What it does now. */
  get behaviour(): Behaviour {
    return this.#behaviour
  }

  /** One of `Role`. */
  get role(): number {
    return this.#behaviour.role
  }

  /** The newest round that it has begun as the leader of this term; 0 if it does not lead. */
  get round(): number {
    return this.#behaviour instanceof Leader ? this.#behaviour.round : 0
  }

  /** When `tick` wants to be called, ms. */
  get deadline(): number {
    return this.recovery === null ? this.#behaviour.deadline : this.recovery.deadline
  }

  /** The log has waited for this member's disk for longer than an election timeout. */
  get diskHangs(): boolean {
    return this.#disk.lasts(this.now) > this.config.electionTimeout
  }

  /** This member cannot answer what it commits, or not vote: somebody else should lead. Nobody else can instead of a single one. */
  get hangs(): boolean {
    return this.peers.length > 0 && (this.diskHangs || this.#stateMachine.lasts(this.now) > APPLY_STALL_MS)
  }

  // ── events ──

  /** A chunk of proposals waits. */
  proposals(count: number, bytes: number): void {
    // What was announced in a step that fails what waits fails with it, whatever this member has become since.
    if (this.#failure === Code.OK) this.#behaviour.proposals(count, bytes)
  }

  /** A message arrived. */
  receive(message: Incoming): void {
    // A member of other configurations: not a bug of this one.
    if (!this.peers.includes(message.from) && !isForAnybody(message)) {
      if (message.handle !== 0) this.commands.drop(message.handle)
      return
    }
    const doubt = this.doubt(message)
    if (doubt !== '') {
      this.refused += 1
      this.refusal = `kind ${message.kind} of term ${message.term} from ${message.from}: ${doubt}`
      if (message.handle !== 0) this.commands.drop(message.handle)
      return
    }
    if (this.recovery?.withholds(message)) return
    hear(this, message)
  }

  /** Why no honest member can have sent this; empty if one can. */
  protected doubt(message: Incoming): string {
    return doubt(this, message)
  }

  /** The log is on disk up to (index, term). A report about entries that were truncated since is void. */
  reachedDisk(index: number, term: number): void {
    if (index > this.durable && index < this.#truncatedFrom && this.log.has(index, term)) this.durable = index
  }

  /** The state machine has entries up to index. */
  reachedStateMachine(index: number): void {
    assert(index <= this.#commitHandedOver, 'applied ≤ committed', { index, committed: this.#commitHandedOver })
    this.applied = Math.max(this.applied, index)
  }

  /** Reads up to sequence wait to be confirmed. */
  reads(sequence: number): void {
    this.#behaviour.reads(sequence)
  }

  /** The leader that was asked for a read index says that (index, term) is committed: who has it has all before (thesis, 3.5). */
  committed(index: number, term: number): void {
    this.#reportedIndex = index
    this.#reportedTerm = term
  }

  /** Of a message sent with `REPORTED`, the entries first ≤ i < end went to peer, of so many bytes. */
  sent(peer: number, first: number, end: number, bytes: number): void {
    if (this.#behaviour instanceof Leader) this.#behaviour.sent(peer, first, end, bytes)
  }

  /** A snapshot sent to a follower has been handed over, or failed. */
  snapshotSent(peer: number, ok: boolean, index: number): void {
    if (this.#behaviour instanceof Leader) this.#behaviour.snapshotSent(peer, ok, index)
  }

  /**
   * A snapshot that `from` sent has replaced the state machine, or was refused, or failed. Whoever sent it is told, whether
   * it leads or not: a leader that is not told waits long. `configuration`: the last one that it holds; undefined: none.
   */
  snapshotInstalled(ok: boolean, index: number, term: number, from: number, configuration?: ConfigurationEntry): void {
    if (ok) this.#install(index, term, configuration)
    if (ok && this.#behaviour instanceof Follower) this.#behaviour.report(from)
    this.send(from, { kind: Message.SNAPSHOT_STATUS, term: this.term, index, snapshotTerm: term, installed: ok }, AT_ONCE)
  }

  /** The log follows the state machine, as what it holds decides. */
  #install(index: number, term: number, configuration: ConfigurationEntry | undefined): void {
    if (term > this.term) this.follow(term, 0)
    if (index > this.log.baseIndex && this.log.has(index, term)) {
      // What follows the snapshot's last entry may be what this member acknowledged: it stays.
      this.log.cut(index)
      this.commands.cut(index)
    } else if (index > this.log.baseIndex) {
      assert(index > this.commit, 'a snapshot agrees with what is committed', { index, term, commit: this.commit })
      // Only a lie makes a leader lack what a snapshot holds; the state machine is that of the snapshot already.
      if (this.role === Role.LEADER) this.follow(this.term, 0)
      this.log.reset(index, term)
      this.commands.restore(index, term)
      this.durable = index
      if (this.configurations.reset(configuration)) this.takeEffect()
    }
    this.commit = Math.max(this.commit, index)
    this.configurations.settle(index)
    this.durable = Math.max(this.durable, index)
    this.applied = Math.max(this.applied, index)
    this.#commitHandedOver = Math.max(this.#commitHandedOver, index)
  }

  /** The store holds everything up to index; the log has logBytes. */
  persisted(index: number, logBytes: number): void {
    this.reachedStateMachine(index)
    const needed = this.#behaviour instanceof Leader ? this.#behaviour.neededAfter : Number.POSITIVE_INFINITY
    const cut = cutIndex(this.log, index, logBytes, this.config.logRetainBytes, needed)
    if (cut <= this.log.baseIndex) return
    this.log.cut(cut)
    this.commands.cut(cut)
  }

  /** Leadership should go to peer. Refused by all but the leader. */
  transfer(peer: number): void {
    if (this.#behaviour instanceof Leader) this.#behaviour.startTransfer(peer)
    else this.commands.transferOver(peer, Code.NOT_LEADER)
  }

  /** The members should be these; `asker`, above 0, is told what became of it. Refused by all but the leader. */
  change(asker: number, wish: Wish): void {
    if (this.#behaviour instanceof Leader) this.#behaviour.change(asker, wish)
    else this.commands.changeOver(asker, Code.NOT_LEADER)
  }

  /**
   * Who votes, and who only follows, from now on. What is under way is decided by the new voters. Whoever is none of the members
   * does not campaign; a leader that is none, or a learner, goes on without counting itself.
   */
  reconfigure(voters: Voters): void {
    this.voters = voters
    this.peers = this.#othersIn(voters)
    this.commands.roster(voters.members.flatMap((id) => [id, Number(voters.includes(id))]))
    if (this.#behaviour instanceof Leader) this.#behaviour.reconfigured()
    // What it asked for, it asked others.
    else if (this.#behaviour instanceof Candidate) this.follow(this.term, 0)
  }

  /** Time has passed. */
  tick(): void {
    if (this.now < this.deadline) return
    if (this.recovery === null) this.#behaviour.tick()
    else this.recovery.tick()
  }

  /** Hands over what the events of this step have gathered. Call once, after them. */
  flush(): void {
    this.#behaviour.flush()
    this.recovery?.flush()
    this.#commitReported()
    if (this.commit > this.#commitHandedOver) {
      this.#commitHandedOver = this.commit
      this.commands.commit(this.commit)
    }
    this.settle()
    this.#truncatedFrom = Number.POSITIVE_INFINITY
    if (this.#failure !== Code.OK) {
      this.commands.fail(this.#failure)
      this.#failure = Code.OK
    }
    this.#disk.update(this.durable, this.log.lastIndex, this.now)
    this.#stateMachine.update(this.applied, Math.min(this.commit, this.durable), this.now)
    this.#checkOrder()
  }

  // ── for the roles ──

  /** Sends a message; the hard state goes first if it has changed. */
  send(to: number, message: Outgoing, after: After): void {
    this.settle()
    this.commands.send(to, message, after)
  }

  /** Hands over the hard state if it has changed: before anything that depends on it. */
  settle(): void {
    if (!this.#hardStateChanged) return
    this.#hardStateChanged = false
    this.commands.persist(this.term, this.vote, Math.min(this.commit, this.durable))
  }

  /** Fails what waits, at the end of this step. */
  fail(code: number): void {
    this.#failure = code
  }

  /** Becomes a follower in `term`, of `leader` if that is known. A vote given in this term stays. */
  follow(term: number, leader: number): void {
    assert(term >= this.term, 'terms do not decrease', { term, current: this.term })
    // What a follower has to tell belongs to the term it heard it in.
    if (term > this.term && this.#behaviour instanceof Follower) this.#behaviour.flush()
    this.raiseTerm(term)
    if (!(this.#behaviour instanceof Follower)) {
      const led = this.role === Role.LEADER
      this.#behaviour.leave()
      this.#behaviour = new Follower(this)
      this.restartElectionTimer()
      if (led) this.fail(leader === 0 ? Code.NO_LEADER : Code.NOT_LEADER)
    }
    this.leader = leader
    this.#announce()
  }

  /** Asks for votes: pre-votes first, unless a transfer told it to campaign. */
  campaign(transfer: boolean): void {
    assert(this.role !== Role.LEADER, 'a leader does not campaign', { term: this.term })
    if (this.hangs || !this.#mayLead()) {
      // A learner does not lead, nor a witness, nor who has left. Of who hangs, its own vote would never be on disk, and a term that only this member knows unseats
      // a leader when the disk goes on.
      if (this.#behaviour instanceof Follower) this.#behaviour.flush()
      this.follow(this.term, 0)
      this.restartElectionTimer()
      return
    }
    this.#behaviour.leave()
    this.leader = 0
    const candidate = new Candidate(this, !transfer, transfer)
    this.#behaviour = candidate
    this.#announce()
    candidate.start()
  }

  /** Won the election of the current term. */
  lead(): void {
    this.#behaviour.leave()
    this.leader = this.config.id
    this.settle()
    const leader = new Leader(this)
    this.#behaviour = leader
    this.#announce()
    leader.start()
  }

  /** This member is whole: it votes and campaigns from now on. */
  recovered(): void {
    this.recovery = null
    this.settle()
    this.commands.recovered()
  }

  /** Enters a higher term, without a vote yet. */
  raiseTerm(term: number): void {
    if (term === this.term) return
    this.term = term
    this.vote = 0
    this.leader = 0
    this.#hardStateChanged = true
  }

  /** Votes in the current term, once. */
  voteFor(candidate: number): void {
    assert(this.vote === 0 || this.vote === candidate, 'one vote a term', { term: this.term, vote: this.vote, candidate })
    if (this.vote === candidate) return
    this.vote = candidate
    this.#hardStateChanged = true
  }

  /** A leader of the current term was heard. */
  heard(leader: number): void {
    assert(this.leader === 0 || this.leader === leader, 'one leader a term', { term: this.term, known: this.leader, leader })
    this.stickyUntil = Math.max(this.stickyUntil, this.now + this.config.electionTimeout)
    this.electionDeadline = Math.max(this.now + this.#electionTimeout, this.stickyUntil)
    // Nobody else can win this term. A vote on the disk shows later that no term and no vote was lost: see recovery.ts.
    if (this.vote === 0) this.voteFor(leader)
    if (this.leader === leader) return
    this.leader = leader
    this.#announce()
  }

  /** Waits a new random time for a leader. */
  restartElectionTimer(): void {
    const { electionTimeout } = this.config
    this.#electionTimeout = this.random.between(electionTimeout, electionTimeout * (1 + ELECTION_SPREAD_SHARE))
    this.electionDeadline = Math.max(this.now + this.#electionTimeout, this.stickyUntil)
  }

  /** The members of the log's last configuration are in force from now on, whether it will be committed or not (Raft thesis, 4.1). */
  takeEffect(): void {
    this.reconfigure(this.configurations.current.voters)
  }

  /** A member asks since it has lost its data; returns whether this one leads. */
  forget(from: number, nonce: number): boolean {
    if (!(this.#behaviour instanceof Leader)) return false
    this.#behaviour.forget(from, nonce)
    return true
  }

  /** Entries from index on are replaced by another leader's; what that makes of the members takes effect once those are appended. */
  truncateLog(index: number): void {
    assert(index > this.commit, 'committed entries stay', { index, commit: this.commit, term: this.term })
    this.log.truncate(index)
    this.configurations.truncate(index)
    this.durable = Math.min(this.durable, index - 1)
    this.#truncatedFrom = Math.min(this.#truncatedFrom, index)
  }

  /** Entries up to index are committed. */
  commitTo(index: number): void {
    if (index <= this.commit) return
    assert(index <= this.log.lastIndex, 'commit ≤ last index', { index, lastIndex: this.log.lastIndex })
    this.commit = index
    this.configurations.settle(index)
  }

  // ── helpers ──

  #mayLead(): boolean {
    const { id } = this.config
    if (!this.voters.holdsData(id) || this.configurations.isWitness(id)) return false
    return this.voters.includes(id) || this.configurations.mayVote(id)
  }

  #othersIn({ members }: Voters): readonly number[] {
    return members.filter((member) => member !== this.config.id)
  }

  /** Takes what the leader said to be committed as such, if this log has it by now. */
  #commitReported(): void {
    // True for good, and whatever this member has become since: nothing else is ever committed at that index.
    if (this.log.has(this.#reportedIndex, this.#reportedTerm)) this.commitTo(this.#reportedIndex)
  }

  #restore(opened: Opened): void {
    const { snapshotIndex, snapshotTerm } = opened
    this.term = opened.term
    this.vote = opened.vote
    // A snapshot of a later term may have been installed before that term was on disk; then nobody has this member's vote in it.
    this.raiseTerm(Math.max(this.term, snapshotTerm))
    this.durable = this.log.lastIndex
    this.applied = Math.max(opened.applied, snapshotIndex)
    // A member that lost the end of its log may have kept a commit index beyond it, or one that speaks of entries which had
    // replaced those that are there now: what is in the state machine is all that it knows to be committed.
    this.commit = opened.recovering ? this.applied : Math.max(opened.commit, this.applied)
    this.configurations.settle(this.commit)
    // The replay of what the store does not hold can begin before a leader is known.
    this.#commitHandedOver = this.applied
    assert(this.log.lastTerm <= this.term, 'the log has no term above the current', { term: this.term, found: this.log.lastTerm })
    this.#checkOrder()
  }

  #announce(): void {
    const announced = `${this.role} ${this.term} ${this.leader}`
    if (announced === this.#announced) return
    this.#announced = announced
    this.commands.role(this.role, this.term, this.leader)
  }

  #checkOrder(): void {
    const { applied, commit, durable } = this
    const { baseIndex, lastIndex } = this.log
    const handedOver = this.#commitHandedOver
    const ordered = baseIndex <= applied && applied <= handedOver && handedOver <= commit && commit <= lastIndex
    // Asked at the end of each step: what it would say is put together only if it says it.
    if (ordered && baseIndex <= durable && durable <= lastIndex) return
    assert(false, 'order of indexes', { baseIndex, applied, handedOver, commit, durable, lastIndex })
  }
}
