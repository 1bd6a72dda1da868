// Asks leaders for other members at random times: newcomers that learn, learners that vote, members that leave, and several at once;
// also for what a leader refuses.
import { Code } from '../../src/codes.js'
import type { Random } from '../../src/raft/random.js'
import { type Configuration, configurationAt } from './configuration.js'
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

/** The changes of one run. */
export class MemberChanges {
  readonly counts: ChangeCounts = { asked: 0, made: 0, refused: 0, ofVoters: 0, ofLeader: 0 }
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #nodes: readonly Node[]
  readonly #founding: Configuration
  readonly #options: SimulationOptions
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

  #one(): void {
    const group = Math.floor(this.#random.next() * this.#options.groups)
    const leaders = this.#nodes.filter((node) => node.alive && node.plane.leader(group) === node.id)
    if (leaders.length === 0) return
    const leader = this.#pick(leaders)
    const before = configurationAt(leader.plane, group, this.#founding)
    const { voters, learners } = this.#wanted(before)
    if (voters.length === 0 || voters.length + learners.length > 7) return
    this.counts.asked += 1
    const parts = [...voters.flatMap((id) => [id, 1]), ...learners.flatMap((id) => [id, 0])]
    const from = leader.plane.configured(group)?.index ?? 0
    leader.perform(() =>
      leader.plane.change(group, { from, isForced: false, parts }, (code) => {
        if (code !== Code.OK) this.counts.refused += 1
        else {
          this.counts.made += 1
          if (voters.join() !== before.incoming.join()) this.counts.ofVoters += 1
          if (!voters.includes(leader.id)) this.counts.ofLeader += 1
        }
      }),
    )
  }

  #wanted({ incoming, learners }: Configuration): { voters: number[]; learners: number[] } {
    const outside = this.#nodes.map(({ id }) => id).filter((id) => !incoming.includes(id) && !learners.includes(id))
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
