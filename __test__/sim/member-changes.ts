// Asks leaders for other members at random times: newcomers that learn, learners that vote, members that leave, and several at once;
// also for what a leader refuses.
import { Code } from '../../src/codes.js'
import type { Random } from '../../src/raft/random.js'
import { type Configuration, configurationAt, isEnough } from './configuration.js'
import type { Node } from './node.js'
import type { SimulationOptions } from './options.js'
import type { Scheduler } from './scheduler.js'

/** What came of them. */
export interface ChangeCounts {
  asked: number
  made: number
  refused: number
  /** Of those made, the ones in which voters changed. */
  ofVoters: number
  /** And those by which the leader went. */
  ofLeader: number
}

/** A member stands still for no longer than this. */
const ASKED_TIMEOUTS = 20

/** As many different ones are asked for. */
const PRIORITIES = 3

/** The changes of one run. */
export class MemberChanges {
  readonly counts: ChangeCounts = { asked: 0, made: 0, refused: 0, ofVoters: 0, ofLeader: 0 }
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #nodes: readonly Node[]
  readonly #founding: Configuration
  readonly #options: SimulationOptions
  /** Voters that were asked for, and when. */
  readonly #asked: { readonly voters: readonly number[]; readonly at: number }[] = []
  #over = false

  constructor(scheduler: Scheduler, random: Random, nodes: readonly Node[], founding: Configuration, options: SimulationOptions) {
    this.#scheduler = scheduler
    this.#random = random
    this.#nodes = nodes
    this.#founding = founding
    this.#options = options
  }

  /** Lets changes happen until `stop`. */
  start(): void {
    this.#scheduler.after(this.#random.between(0, this.#options.electionTimeout), () => {
      if (this.#over) return
      this.#one()
      this.start()
    })
  }

  /** Nobody asks any more. */
  stop(): void {
    this.#over = true
  }

  /** Voters that were asked for not long ago: a leader that stands still may go on and make them so. */
  get asked(): readonly (readonly number[])[] {
    const { now } = this.#scheduler
    return this.#asked.filter(({ at }) => now - at < ASKED_TIMEOUTS * this.#options.electionTimeout).map(({ voters }) => voters)
  }

  /** Asks the leader to remove who is lost; returns whether there is nobody to remove. */
  removeLost(group: number): boolean {
    const lost = this.#nodes.filter((node) => node.lost).map(({ id }) => id)
    const leader = this.#nodes.find((node) => node.alive && node.plane.leader(group) === node.id)
    if (lost.length === 0) return true
    if (leader === undefined) return false
    const { incoming, outgoing, learners } = configurationAt(leader.plane, group, this.#founding)
    if (![...incoming, ...outgoing, ...learners].some((id) => lost.includes(id))) return true
    const left = (ids: readonly number[]) => ids.filter((id) => !lost.includes(id))
    this.#ask(leader, group, left(incoming), left(learners), () => {})
    return false
  }

  #one(): void {
    const group = Math.floor(this.#random.next() * this.#options.groups)
    const leaders = this.#nodes.filter((node) => node.alive && node.plane.leader(group) === node.id)
    if (leaders.length === 0) return
    const leader = this.#pick(leaders)
    const before = configurationAt(leader.plane, group, this.#founding)
    const { voters, learners } = this.#wanted(before)
    if (voters.length === 0 || voters.length + learners.length > 7) return
    // Nobody asks for voters of whom so many are lost, or have lost something, that they cannot decide: a leader finds out after a while.
    const left = this.#nodes.filter((node) => !node.lost && node.whole).map(({ id }) => id)
    if (!isEnough({ incoming: voters, outgoing: [], learners: [] }, left)) return
    this.counts.asked += 1
    this.#ask(leader, group, voters, learners, (code) => {
      if (code !== Code.OK) this.counts.refused += 1
      else {
        this.counts.made += 1
        if (voters.join() !== before.incoming.join()) this.counts.ofVoters += 1
        if (!voters.includes(leader.id)) this.counts.ofLeader += 1
      }
    })
  }

  #ask(leader: Node, group: number, voters: readonly number[], learners: readonly number[], done: (code: number) => void): void {
    const { witnesses, priorities } = this.#options
    const part = (id: number) =>
      (witnesses.includes(id) ? 4 : 0) + (priorities ? 256 * Math.floor(this.#random.next() * PRIORITIES) : 0)
    const parts = [...voters.flatMap((id) => [id, 1 + part(id)]), ...learners.flatMap((id) => [id, part(id)])]
    const from = leader.plane.configured(group)?.index ?? 0
    this.#asked.push({ voters, at: this.#scheduler.now })
    leader.perform(() => leader.plane.change(group, { from, isForced: false, parts }, done))
  }

  #wanted({ incoming, learners }: Configuration): { voters: number[]; learners: number[] } {
    const there = this.#nodes.filter((node) => !node.lost).map(({ id }) => id)
    const outside = there.filter((id) => !incoming.includes(id) && !learners.includes(id))
    const [newcomers, promoted, gone] = [this.#some(outside), this.#some(learners), this.#some(incoming)]
    const kept = incoming.filter((id) => !gone.includes(id))
    const kinds = [
      () => ({ voters: [...incoming], learners: [...learners, ...newcomers] }),
      () => ({ voters: [...incoming], learners: [...learners, ...newcomers] }),
      () => ({ voters: [...incoming, ...promoted], learners: learners.filter((id) => !promoted.includes(id)) }),
      () => ({ voters: kept, learners: [...learners] }),
      // Replaces.
      () => ({ voters: [...kept, ...promoted], learners: learners.filter((id) => !promoted.includes(id)) }),
      () => ({ voters: [...kept, ...learners], learners: newcomers }),
      () => ({ voters: [...incoming], learners: learners.filter((id) => !promoted.includes(id)) }),
    ]
    return this.#pick(kinds)()
  }

  /** Some of them, more often few than many. */
  #some(ids: readonly number[]): number[] {
    const share = this.#random.next()
    return ids.filter(() => this.#random.next() < share)
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random.next() * choices.length)]!
  }
}
