// One whole run from one seed: a cluster, its clients, faults, then rest; every checker looks on at every step.
import { APPLY_STALL_MS, ELECTION_SPREAD_SHARE } from '../../src/raft/config.js'
import { PREFERRED_PAUSE_TIMEOUTS_MAX, PREFERRED_TIMEOUTS } from '../../src/raft/preference.js'
import { Role } from '../../src/raft/raft-kinds.js'
import { Random } from '../../src/raft/random.js'
import type { Checker } from './checker.js'
import { Violation } from './checker.js'
import { BoundedLog } from './checkers/bounded-log.js'
import { BoundedMemory } from './checkers/bounded-memory.js'
import { together } from './checkers/checkers.js'
import { Committed } from './checkers/committed.js'
import { KeptConfiguration, MeetingMajorities, OneChange, RemovedFollows } from './checkers/configuration-safety.js'
import { DurableCommit } from './checkers/durable-commit.js'
import { ElectionQuorum } from './checkers/election-quorum.js'
import { ElectionSafety } from './checkers/election-safety.js'
import { ExactlyOnce } from './checkers/exactly-once.js'
import { FreshReads } from './checkers/fresh-reads.js'
import { LeaderAppendOnly } from './checkers/leader-append-only.js'
import { LeaderCompleteness } from './checkers/leader-completeness.js'
import { LeaseExclusivity } from './checkers/lease-exclusivity.js'
import { LogMatching } from './checkers/log-matching.js'
import { StateMachineSafety } from './checkers/state-machine-safety.js'
import { Trace } from './checkers/trace.js'
import { DataFirst, DataInMajorities, WitnessFollows } from './checkers/witnesses.js'
import { Clients, type Counts } from './clients.js'
import { allVote, type Configuration, configurationAt } from './configuration.js'
import { FaultInjector } from './faults.js'
import type { MachineFaultCounts } from './machine-faults.js'
import { type ChangeCounts, MemberChanges } from './member-changes.js'
import { Network } from './network.js'
import { Node } from './node.js'
import { drawOptions, type SimulationOptions } from './options.js'
import type { Packet } from './plane.js'
import { Scheduler } from './scheduler.js'
import { SessionClients, type SessionCounts } from './session-clients.js'
import { SnapshotStreams } from './snapshot-streams.js'
import { drawStandingFault } from './standing-faults.js'

/** What happened in a run that broke nothing. */
export interface Outcome extends Counts {
  /** Entries committed, over all groups. */
  committed: number
  /** Leaders elected, over all groups. */
  elections: number
  snapshots: number
  /** Data directories lost. */
  wipes: number
  /** Machines that lost power. */
  powerLosses: number
  changes: ChangeCounts
  machineFaults: MachineFaultCounts
  sessions: SessionCounts
  /** Snapshots of which only a part arrived, if they come in parts. */
  brokenSnapshots: number
  /** What stood while the others went on; empty: nothing. */
  standing: string
  /** Longest time without an acknowledged write meanwhile, in election timeouts, the fault's own left out. */
  standstill: number
  /** Simulated time, ms. */
  time: number
  /** Of all that happened: the same seed gives the same. */
  digest: number
}

/** After the faults, a cluster has this many election timeouts to elect leaders and bring everyone up to date. */
const REST_TIMEOUTS = 80

/** After the faults, everyone has this many election timeouts to catch up while clients go on writing. */
const CATCH_UP_TIMEOUTS = 15

/** And for so many more, nobody may fall behind so far that it needs a snapshot. */
const KEEP_UP_TIMEOUTS = 15

/** A cluster of which one member hangs acknowledges a write in every so many election timeouts. */
const GO_ON_TIMEOUTS = 8
const GO_ON_TIMES = 5

/** Who has lost its directory while the members changed has so many election timeouts to recover. */
const RECOVERED_TIMEOUTS = 20

/** Before a fault that stands, a cluster has this many election timeouts to be whole. */
const WHOLE_TIMEOUTS = 60

/** Until whoever should lead leads: the elections after a fault, and few transfers. */
const PREFERENCE_ELECTIONS_MAX = 5

/** So many election timeouts later, logs have shrunk to what is kept of them. */
const CUT_TIMEOUTS = 20

/** And so many later, nothing waits any more: attempts of clients go on until they are answered. */
const EMPTY_TIMEOUTS = 20

/** Runs a seed; throws a Violation, or the assertion of a core. `change` overrides what the seed would draw. */
export function simulate(
  seed: number,
  change: (options: SimulationOptions) => SimulationOptions = (options) => options,
): Outcome {
  const random = new Random(seed, 0x5eed)
  return new Simulation(change(drawOptions(seed, random)), random).run()
}

class Simulation {
  readonly #options: SimulationOptions
  readonly #configuration: Configuration
  readonly #scheduler = new Scheduler()
  readonly #network: Network
  readonly #nodes: Node[]
  readonly #committed = new Committed()
  readonly #checkers: readonly Checker[]
  readonly #clients: Clients
  readonly #sessions: SessionClients
  readonly #faults: FaultInjector
  readonly #changes: MemberChanges
  readonly #trace = new Trace()
  readonly #streams: SnapshotStreams | undefined
  readonly #boundedLog = new BoundedLog()
  readonly #boundedMemory: BoundedMemory
  #standing = ''
  #standstill = 0
  #elections = 0
  #snapshots = 0

  constructor(options: SimulationOptions, random: Random) {
    this.#options = options
    this.#configuration = options.configuration ?? allVote(options.members)
    const scheduler = this.#scheduler
    this.#network = new Network(scheduler, random, options.link)
    const { snapshots } = options
    this.#streams = snapshots && new SnapshotStreams(scheduler, random, this.#network, snapshots)
    const freshReads = new FreshReads()
    this.#boundedMemory = new BoundedMemory(options.entryBytesMax)
    const counter: Checker = {
      onRole: (_member, _group, role) => {
        if (role === Role.LEADER) this.#elections += 1
      },
    }
    const views = () => this.#nodes.map((node) => node.plane)
    const checkers: Checker[] = [
      ...[
        this.#trace,
        counter,
        this.#committed,
        new ElectionSafety(this.#configuration),
        new LeaderAppendOnly(),
        new LogMatching(),
      ],
      ...[new LeaderCompleteness(this.#committed), new StateMachineSafety(), freshReads],
      new DurableCommit(this.#committed, this.#configuration, views),
      ...[new ElectionQuorum(this.#configuration, views), new LeaseExclusivity(views)],
      ...[new MeetingMajorities(this.#configuration), new OneChange(this.#configuration, views), new RemovedFollows()],
      new KeptConfiguration(this.#committed, ({ id }, group) => this.#node(id).configured(group)),
      ...[new WitnessFollows(options.witnesses), new DataFirst(options.witnesses, this.#committed), new DataInMajorities()],
      ...[new ExactlyOnce(({ id }, group) => this.#node(id).plane.state(group).store), this.#boundedMemory],
    ]
    this.#checkers = [together(checkers.filter(({ property }) => property === undefined || this.#judges(property)))]
    this.#nodes = this.#createNodes(random)
    const { misread } = options.sabotage
    this.#network.agree = (from, to) => misread !== undefined || this.#node(from).protocol === this.#node(to).protocol
    this.#clients = new Clients(scheduler, random, this.#nodes, options, this.#checkers, freshReads)
    this.#sessions = new SessionClients(scheduler, this.#nodes, options, this.#checkers, freshReads)
    // Drawn apart: runs without changes draw what they drew.
    this.#changes = new MemberChanges(scheduler, new Random(options.seed, 0xc4a6e), this.#nodes, this.#configuration, options)
    this.#faults = new FaultInjector(scheduler, random, this.#network, this.#nodes, options, this.#configuration, this.#changes)
  }

  run(): Outcome {
    this.#clients.start()
    this.#sessions.start()
    this.#faults.start()
    if (this.#options.newcomers > 0) this.#changes.start()
    this.#scheduler.run(this.#options.faultyTime)
    this.#faults.stop()
    this.#changes.stop()
    const { newcomers, faults, machineFaults } = this.#options
    if (newcomers > 0 && faults.wipes) this.#giveUp()
    if (newcomers > 0 && (machineFaults?.losses || faults.wipes)) this.#replace()
    if (this.#options.steadyWrites) this.#keepUp()
    if (this.#options.hangs !== undefined) this.#goOn(this.#options.hangs)
    if (this.#options.standing) this.#withstand()
    if (this.#options.priorities) this.#prefer()
    this.#rest()
    this.#judgeHistory()
    let committed = 0
    for (let group = 0; group < this.#options.groups; group += 1) committed += this.#committed.last(group)
    return {
      ...this.#clients.counts,
      committed,
      elections: this.#elections,
      snapshots: this.#snapshots,
      wipes: this.#faults.wipes,
      powerLosses: this.#faults.powerLosses,
      changes: this.#changes.counts,
      machineFaults: this.#faults.machineFaults,
      sessions: this.#sessions.counts,
      brokenSnapshots: this.#streams?.broken ?? 0,
      standing: this.#standing,
      standstill: this.#standstill,
      time: this.#scheduler.now,
      digest: this.#trace.digest,
    }
  }

  /** Who is lost is removed: what is left of the others has to be enough for that. */
  #replace(): void {
    const { groups, electionTimeout, timeoutFactors } = this.#options
    const patience = electionTimeout * Math.max(...timeoutFactors)
    const end = this.#scheduler.now + WHOLE_TIMEOUTS * patience
    for (let group = 0; group < groups; group += 1) {
      // Twice: what was asked for before may still be made.
      for (let removed = 0; removed < 2; removed = this.#changes.removeLost(group) ? removed + 1 : 0) {
        if (this.#scheduler.now > end) throw new Violation('liveness', `who is lost stays a member: ${this.#show(group)}`)
        this.#scheduler.run(this.#scheduler.now + patience)
      }
    }
  }

  /** Who has lost its directory, and knows only who the members were, waits; it is replaced, as one that is lost. */
  #giveUp(): void {
    const { electionTimeout, timeoutFactors } = this.#options
    this.#scheduler.run(this.#scheduler.now + RECOVERED_TIMEOUTS * electionTimeout * Math.max(...timeoutFactors))
    for (const node of this.#nodes) if (!node.whole) node.lose()
  }

  /** Catching up: who got a snapshot goes on from the log, whatever is written meanwhile, and needs no other one. */
  #keepUp(): void {
    const { electionTimeout } = this.#options
    this.#scheduler.run(this.#scheduler.now + CATCH_UP_TIMEOUTS * electionTimeout)
    const before = this.#snapshots
    this.#scheduler.run(this.#scheduler.now + KEEP_UP_TIMEOUTS * electionTimeout)
    const more = this.#snapshots - before
    if (more > 0) throw new Violation('catching up', `${more} snapshots long after the faults: ${this.#show(0)}`)
  }

  /** Progress: a majority that does not hang goes on, whoever hangs and for how long. */
  #goOn({ what, leader }: { what: 'disk' | 'apply'; leader: boolean }): void {
    const { electionTimeout } = this.#options
    this.#scheduler.run(this.#scheduler.now + 5 * electionTimeout)
    const node = this.#nodes.find(({ id, plane }) => (plane.leader(0) === id) === leader)
    if (node === undefined) throw new Violation('progress', 'nobody leads after the faults')
    if (what === 'disk') node.plane.disk.freeze()
    else node.plane.freezeApply()
    // How long it takes to call it a hang.
    this.#scheduler.run(this.#scheduler.now + (what === 'disk' ? 2 * electionTimeout : APPLY_STALL_MS + electionTimeout))
    for (let i = 0; i < GO_ON_TIMES; i += 1) {
      const before = this.#clients.counts.acknowledged
      this.#scheduler.run(this.#scheduler.now + GO_ON_TIMEOUTS * electionTimeout)
      if (this.#clients.counts.acknowledged > before) continue
      const who = `the ${what} of ${leader ? 'leader' : 'follower'} ${node.id} hangs`
      throw new Violation('progress', `${who}, and nothing is acknowledged: ${this.#show(0)}`)
    }
    node.plane.thaw()
  }

  /** Bounded unavailability: whatever single fault stands, in a cluster that is whole, the others go on. */
  #withstand(): void {
    const { electionTimeout, timeoutFactors, seed } = this.#options
    const patience = electionTimeout * Math.max(...timeoutFactors)
    const end = this.#scheduler.now + WHOLE_TIMEOUTS * patience
    const isWhole = () => this.#agree(0) && this.#nodes.every(({ whole, lost }) => whole || lost)
    do this.#scheduler.run(this.#scheduler.now + patience)
    while (!isWhole() && this.#scheduler.now < end)
    const leader = this.#nodes.find(({ id, plane }) => plane.leader(0) === id)
    if (leader === undefined) throw new Violation('progress', `nobody leads after the faults: ${this.#show(0)}`)
    const configuration = configurationAt(leader.plane, 0, this.#configuration)
    const drawn = drawStandingFault(new Random(seed, 0x57a2d), this.#nodes, leader, configuration)
    if (drawn === undefined) return
    const { fault, node } = drawn
    this.#standing = fault.name
    // One that stands is what is asked about; who has lost it may need all others, and each that stands still is a second one.
    for (const each of this.#nodes) each.steady()
    fault.begin({ network: this.#network, ...drawn })
    this.#scheduler.run(this.#scheduler.now + 2 * patience + (fault.noticedAfter ?? 0))
    let last = this.#scheduler.now
    const until = last + GO_ON_TIMES * GO_ON_TIMEOUTS * patience
    while (this.#scheduler.now < until) {
      const before = this.#clients.counts.acknowledged
      this.#clients.probe(0)
      this.#scheduler.run(this.#scheduler.now + patience / 8)
      if (this.#clients.counts.acknowledged > before) last = this.#scheduler.now
      this.#standstill = Math.max(this.#standstill, (this.#scheduler.now - last) / patience)
      if (this.#standstill <= GO_ON_TIMEOUTS) continue
      throw new Violation('progress', `${fault.name} (${node.id}), and nothing is acknowledged: ${this.#show(0)}`)
    }
    fault.end?.(node)
    this.#network.heal()
    node.resume()
    node.restart()
  }

  /** Preference: whoever has the highest priority of those that can lead comes to lead, without much ado. */
  #prefer(): void {
    const patience = this.#options.electionTimeout * Math.max(...this.#options.timeoutFactors)
    const end = this.#scheduler.now + (WHOLE_TIMEOUTS + PREFERRED_PAUSE_TIMEOUTS_MAX + 4 * PREFERRED_TIMEOUTS) * patience
    const before = this.#elections
    while (!this.#leadsPreferred()) {
      if (this.#scheduler.now > end) throw new Violation('preference', `another one leads: ${this.#show(0)}`)
      this.#scheduler.run(this.#scheduler.now + patience)
    }
    const elections = this.#elections - before
    if (elections > PREFERENCE_ELECTIONS_MAX * this.#options.groups) {
      throw new Violation('preference', `${elections} elections: ${this.#show(0)}`)
    }
  }

  #leadsPreferred(): boolean {
    const leader = this.#nodes.find(({ id, plane }) => plane.leader(0) === id)
    if (leader === undefined) return false
    const { incoming, witnesses = [], priorities } = configurationAt(leader.plane, 0, this.#configuration)
    const priorityOf = (id: number) => priorities?.get(id) ?? 0
    return incoming.every((id) => witnesses.includes(id) || priorityOf(id) <= priorityOf(leader.id))
  }

  /** Liveness: without faults, leaders emerge, new writes commit, and all members end with the same state. */
  #rest(): void {
    const { groups, timeoutFactors } = this.#options
    const electionTimeout = this.#options.electionTimeout * Math.max(...timeoutFactors)
    const end = this.#scheduler.now + REST_TIMEOUTS * electionTimeout
    this.#scheduler.run(this.#scheduler.now + 5 * electionTimeout)
    this.#clients.stop()
    this.#sessions.stop()
    for (let group = 0; group < groups; group += 1) {
      let done = false
      while (!done && this.#scheduler.now < end) {
        this.#clients.write(group, () => {
          done = true
        })
        this.#scheduler.run(this.#scheduler.now + electionTimeout)
      }
      if (!done) throw new Violation('liveness', `no write of group ${group} was acknowledged after the faults`)
      while (!this.#agree(group) && this.#scheduler.now < end) this.#scheduler.run(this.#scheduler.now + electionTimeout)
      if (!this.#agree(group))
        throw new Violation('liveness', `members differ in group ${group} after the faults: ${this.#show(group)}`)
      for (const checker of this.#checkers) checker.onEnd?.(group, this.#committed.last(group))
      if (this.#judges(this.#boundedLog.property)) this.#shrink(group)
      if (this.#judges(this.#boundedMemory.property)) this.#empty(group)
    }
  }

  /** Bounded logs: what is stored everywhere goes but for what is kept. */
  #shrink(group: number): void {
    const { heartbeatInterval, electionTimeout, plane, settings, logRetainBytes } = this.#options
    const there = this.#nodes.filter(({ id }) => this.#members(group).includes(id))
    const excess = () => {
      const kept = (id: number) => settings[id - 1]?.logRetainBytes ?? logRetainBytes
      return there.map(({ id, plane: view }) => this.#boundedLog.excess(view, group, kept(id), plane.logScale))
    }
    const end = this.#scheduler.now + CUT_TIMEOUTS * electionTimeout
    while (excess().some((each) => each !== undefined) && this.#scheduler.now < end) {
      for (const node of there) node.plane.persist(group)
      this.#scheduler.run(this.#scheduler.now + 2 * heartbeatInterval)
    }
    for (const violation of excess()) if (violation !== undefined) throw violation
  }

  /** Bounded memory: whatever waited has been answered. */
  #empty(group: number): void {
    const { electionTimeout } = this.#options
    const there = this.#nodes.filter(({ id }) => this.#members(group).includes(id))
    const left = () => there.map(({ plane }) => this.#boundedMemory.leftOver(plane, group, plane.waiting(group)))
    const end = this.#scheduler.now + EMPTY_TIMEOUTS * electionTimeout
    while (left().some((each) => each !== undefined) && this.#scheduler.now < end) {
      this.#scheduler.run(this.#scheduler.now + electionTimeout)
    }
    for (const violation of left()) if (violation !== undefined) throw violation
  }

  /** Those that there are in the end, as the leader knows; none: nobody leads, or they are changing. */
  #members(group: number): readonly number[] {
    const leader = this.#nodes.find(({ id, plane }) => plane.leader(group) === id)
    if (leader === undefined) return []
    const { incoming, outgoing, learners } = configurationAt(leader.plane, group, this.#configuration)
    if (outgoing.length > 0 && leader.plane.configured(group) !== undefined) return []
    return [...incoming, ...outgoing, ...learners]
  }

  /** Of the members that there are in the end: who left is told nothing more. */
  #agree(group: number): boolean {
    const members = this.#members(group)
    const there = this.#nodes.filter(({ id }) => members.includes(id))
    if (there.length === 0 || there.some(({ plane }) => plane.state(group).index !== this.#committed.last(group))) return false
    const states = there.filter(({ isWitness }) => !isWitness).map(({ plane }) => plane.state(group))
    return states.every(({ digest }) => digest === states[0]!.digest)
  }

  /** Linearizability: what clients with sessions were told is the history of one store. */
  #judgeHistory(): void {
    const verdict = this.#sessions.verdict()
    if (verdict !== undefined && this.#judges(verdict.property)) throw verdict
  }

  /** Whether this run is to keep a property. */
  #judges(property: string): boolean {
    const { only, unjudged } = this.#options
    return !unjudged.includes(property) && (only === undefined || only === property)
  }

  #show(group: number): string {
    const members = this.#nodes.map(
      ({ id, plane }) =>
        `${id} role ${plane.role(group)} term ${plane.term(group)} applied ${plane.state(group).index} of ${plane.memoryLog(group).lastIndex}, members ${plane.configured(group)?.parts.join(' ')}`,
    )
    return `${members.join('; ')}; committed ${this.#committed.last(group)}`
  }

  #createNodes(random: Random): Node[] {
    const options = this.#options
    const { heartbeatInterval, electionTimeout, leaseReads, logRetainBytes, seed, groups, timeoutFactors } = options
    const voteLifeMax = electionTimeout * Math.max(...timeoutFactors) * (1 + ELECTION_SPREAD_SHARE)
    const { incoming: members, outgoing } = this.#configuration
    const world = {
      ...{ scheduler: this.#scheduler, random, checkers: this.#checkers, times: options.plane },
      ...{ stallShare: options.stallShare, stallMax: options.stallMax, timeoutFactors, syncInterval: options.syncInterval },
      send: (packet: Packet) => {
        this.#network.carry(packet.from, packet.to, () => this.#receive(packet))
      },
      sendSnapshot: (...[from, to, group, state, sent]: Parameters<ConstructorParameters<typeof Node>[1]['sendSnapshot']>) => {
        this.#snapshots += 1
        if (this.#streams !== undefined) {
          this.#streams.send(this.#node(from), this.#node(to), group, state, sent)
          return
        }
        const time = random.between(0, electionTimeout)
        const arrives = this.#network.carry(from, to, () => this.#node(to).install(group, state, from), time)
        this.#scheduler.after(time + random.between(0, electionTimeout), () => sent(arrives && this.#node(to).alive))
      },
    }
    return allVote(options.members + options.newcomers).incoming.map((id) => {
      const learners = id > options.members ? [id] : this.#configuration.learners
      // Who joins is told by the log who else has no data.
      const witnesses = options.witnesses.filter((witness) => witness <= options.members || witness === id)
      const times = { heartbeatInterval, electionTimeout, voteLifeMax }
      const own = options.settings[id - 1]
      const config = {
        ...{ id, members, outgoing, learners, witnesses, groups, ...times, leaseReads, logRetainBytes, ...own },
        seed,
      }
      return new Node(
        config,
        world,
        options.sabotage,
        options.newDirectories,
        random.between(-options.driftMax, options.driftMax),
        options.witnesses.includes(id),
      )
    })
  }

  #receive(packet: Packet): void {
    const [from, to] = [this.#node(packet.from), this.#node(packet.to)]
    const { misread } = this.#options.sabotage
    to.receive(misread === undefined || from.protocol === to.protocol ? packet : misread(packet))
  }

  #node(id: number): Node {
    return this.#nodes[id - 1]!
  }
}
