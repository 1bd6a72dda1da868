// Who votes, as a value: one set of voters, two while they change (joint consensus, Raft thesis 4.3), and learners, which only
// get entries; who of them is a witness, which has the log's terms and no data; and who should lead rather than others. Knows members by their ids and numbers of theirs: indexes, rounds and times are counted the same way.
import { limits } from '../limits.js'
import { majoritiesHaveData, majority } from '../majority.js'
import { assert } from './assert.js'

/** Where one set's numbers are sorted; nothing is kept between calls. */
const sorted = new Float64Array(limits.membersMax)

/** The voters and learners of one group. Does not change: other voters are another value. */
export class Voters {
  /** Everybody who gets entries, each once: voters of either set, then learners. */
  readonly members: readonly number[]
  readonly incoming: readonly number[]
  /** Empty unless voters are changing. */
  readonly outgoing: readonly number[]
  readonly learners: readonly number[]
  /** Members of any kind that have no data: they never lead. Of each set fewer than a majority, so that each majority has the data. */
  readonly witnesses: readonly number[]
  readonly #priorities: ReadonlyMap<number, number>
  /** Where the voters of each set stand in `members`. */
  readonly #incomingSlots: readonly number[]
  readonly #outgoingSlots: readonly number[]

  /**
   * `incoming`: the voters; `outgoing`: those that they replace, while both count; `learners`: members that are in neither. `witnesses`: who of
   * all of them; `priorities`: of those that have another than 0.
   */
  constructor(
    incoming: readonly number[],
    outgoing: readonly number[] = [],
    learners: readonly number[] = [],
    witnesses: readonly number[] = [],
    priorities: ReadonlyMap<number, number> = new Map(),
  ) {
    const voters = [...new Set([...incoming, ...outgoing])]
    this.members = [...voters, ...learners]
    this.incoming = incoming
    this.outgoing = outgoing
    this.learners = learners
    this.witnesses = witnesses.filter((id) => this.members.includes(id))
    this.#priorities = priorities
    this.#incomingSlots = incoming.map((id) => this.members.indexOf(id))
    this.#outgoingSlots = outgoing.map((id) => this.members.indexOf(id))
    const { members } = this
    assert(incoming.length >= 1 && members.length <= limits.membersMax, 'number of members', { members: members.length })
    const sets = [incoming, outgoing, members]
    assert(
      sets.every((set) => new Set(set).size === set.length),
      'members differ',
      { members: members.join(' ') },
    )
    assert(
      hasDataInMajorities(incoming, this.witnesses) && hasDataInMajorities(outgoing, this.witnesses),
      'each majority has data',
      { members: members.join(' '), witnesses: this.witnesses.join(' ') },
    )
  }

  /** Two sets vote. */
  get isJoint(): boolean {
    return this.outgoing.length > 0
  }

  /** What they change to: the incoming ones alone. */
  left(): Voters {
    return new Voters(this.incoming, [], this.learners, this.witnesses, this.#priorities)
  }

  /** Whether this member has the data, not only the log's terms. */
  holdsData(id: number): boolean {
    return !this.witnesses.includes(id)
  }

  /** Who of those that can lead should: the higher, the rather. 0 unless somebody said otherwise. */
  priorityOf(id: number): number {
    return this.#priorities.get(id) ?? 0
  }

  /** Whether this member votes, in either set. */
  includes(id: number): boolean {
    return this.incoming.includes(id) || this.outgoing.includes(id)
  }

  /** Whether these are enough to decide: a majority of each set. */
  isQuorum(ids: ReadonlySet<number>): boolean {
    return holdsMajority(this.incoming, ids) && holdsMajority(this.outgoing, ids)
  }

  /** The largest number that a quorum has reached, where `numbers` has one for each of `members`, in their order. */
  reached(numbers: Float64Array): number {
    const reached = reachedByMajority(this.#incomingSlots, numbers)
    return this.#outgoingSlots.length === 0 ? reached : Math.min(reached, reachedByMajority(this.#outgoingSlots, numbers))
  }
}

/** Whether in every majority of these voters somebody is no witness. */
export function hasDataInMajorities(voters: readonly number[], witnesses: readonly number[]): boolean {
  return majoritiesHaveData(voters.length, voters.filter((id) => witnesses.includes(id)).length)
}

/** Nobody has to agree for a set that is empty. */
function holdsMajority(voters: readonly number[], ids: ReadonlySet<number>): boolean {
  return voters.length === 0 || voters.filter((id) => ids.has(id)).length >= majority(voters.length)
}

/** The largest number that a majority of the slots has reached. */
function reachedByMajority(slots: readonly number[], numbers: Float64Array): number {
  let size = 0
  for (const slot of slots) {
    const number = numbers[slot] as number
    let at = size
    while (at > 0 && (sorted[at - 1] as number) < number) {
      sorted[at] = sorted[at - 1] as number
      at -= 1
    }
    sorted[at] = number
    size += 1
  }
  return sorted[majority(size) - 1] as number
}
