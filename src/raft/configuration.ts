// Configurations as the log has them (Raft thesis, 4): who votes from which entry on, back to the one that is committed for certain.
// Knows members by number only: names and addresses are payload.
import { limits } from '../limits.js'
import { assert } from './assert.js'
import { hasDataInMajorities, Voters } from './voters.js'

/** A member's part in a configuration: a sum of these, and of its priority times PRIORITY_UNIT; without the first two it learns. */
const INCOMING = 1
const OUTGOING = 2
/** It has no data, for as long as it is a member. */
const WITNESS = 4
const PRIORITY_UNIT = 256
const PRIORITY_MAX = 255

/** Who votes and who learns, who is a witness, and who should lead rather than others: flat pairs of (id, part). */
export type Parts = readonly number[]

/** A configuration and the entry that says so; (0, 0): the one that the group was founded with. */
export interface Configuration {
  readonly index: number
  readonly term: number
  readonly voters: Voters
}

/** A configuration entry as the plane tells of it: where, and what it says. */
export interface ConfigurationEntry {
  /** In a message: how many entries of its payload come before it. Else: its index. */
  readonly at: number
  /** 0 in a message, whose runs say it. */
  readonly term: number
  readonly parts: Parts
}

/** Other members that somebody asks for. */
export interface Wish {
  /** Index of the configuration that the wish was made from: if another one is in force by now, it may undo what it does not know of. */
  readonly from: number
  /** Also when a majority of the new voters does not answer now. */
  readonly isForced: boolean
  /** Who they shall be: flat pairs of (id, part); OUTGOING is in none. */
  readonly parts: Parts
}

/** What almost every message and start has. */
export const NO_CONFIGURATIONS: readonly ConfigurationEntry[] = []

/** Whether these can be the members of a group. */
export function isConfiguration(parts: Parts): boolean {
  const ids = parts.filter((_, i) => i % 2 === 0)
  const each = parts.filter((_, i) => i % 2 === 1)
  return (
    ids.length === each.length &&
    ids.length <= limits.membersMax &&
    new Set(ids).size === ids.length &&
    ids.every((id) => Number.isSafeInteger(id) && id > 0) &&
    each.every(isPart) &&
    each.some((part) => (part & INCOMING) !== 0) &&
    [INCOMING, OUTGOING].every((set) => hasDataInMajorities(idsHaving(parts, set), idsHaving(parts, WITNESS)))
  )
}

function isPart(part: number): boolean {
  const [traits, priority] = [part % PRIORITY_UNIT, Math.floor(part / PRIORITY_UNIT)]
  return Number.isInteger(part) && part >= 0 && traits <= (INCOMING | OUTGOING | WITNESS) && priority <= PRIORITY_MAX
}

/** Whose part has one of these. */
function idsHaving(parts: Parts, some: number): number[] {
  return parts.filter((_, i) => i % 2 === 0 && ((parts[i + 1] as number) & some) !== 0)
}

/** The voters that these parts describe. */
export function votersOfParts(parts: Parts): Voters {
  const voters = idsHaving(parts, INCOMING | OUTGOING)
  const learners = parts.filter((id, i) => i % 2 === 0 && !voters.includes(id))
  const witnesses = idsHaving(parts, WITNESS)
  return new Voters(idsHaving(parts, INCOMING), idsHaving(parts, OUTGOING), learners, witnesses, prioritiesOf(parts))
}

/** Those that are not 0. */
function prioritiesOf(parts: Parts): Map<number, number> {
  const priorities = new Map<number, number>()
  for (let i = 0; i < parts.length; i += 2) {
    const priority = Math.floor((parts[i + 1] as number) / PRIORITY_UNIT)
    if (priority > 0) priorities.set(parts[i] as number, priority)
  }
  return priorities
}

/** The parts of these voters. */
export function partsOf(voters: Voters): Parts {
  const { members, incoming, outgoing } = voters
  return members.flatMap((id) => {
    const sets = (incoming.includes(id) ? INCOMING : 0) | (outgoing.includes(id) ? OUTGOING : 0)
    return [id, sets + (voters.holdsData(id) ? 0 : WITNESS) + voters.priorityOf(id) * PRIORITY_UNIT]
  })
}

/** One group's configurations: the last one is in force, whether it is committed or not. */
export class Configurations {
  /** With what nobody has changed; for ever what the group returns to when all else is cut. */
  readonly #founding: Configuration
  /** Ascending. All but the first may still be cut off the log. */
  readonly #kept: Configuration[]

  constructor(founding: Voters, opened: readonly ConfigurationEntry[]) {
    this.#founding = { index: 0, term: 0, voters: founding }
    this.#kept = [this.#founding]
    for (const { at, term, parts } of opened) this.append(at, term, votersOfParts(parts))
  }

  /** How many it keeps, for tests and tools. */
  get kept(): number {
    return this.#kept.length
  }

  /** The one in force. */
  get current(): Configuration {
    return this.#kept.at(-1) as Configuration
  }

  /**
   * Whether this member votes in one of those that may be in force in the end. Who leaves by an entry that is not committed yet may be the
   * only one that has it, and then nobody else is elected by those who lack it (Raft thesis, 4.2.2).
   */
  mayVote(id: number): boolean {
    return this.#kept.some(({ voters }) => voters.includes(id))
  }

  /** Whether one of those says that this member is a witness: no other would say otherwise. */
  isWitness(id: number): boolean {
    return this.#kept.some(({ voters }) => !voters.holdsData(id))
  }

  /** An entry says so; the log ends with it. */
  append(index: number, term: number, voters: Voters): void {
    assert(index > this.current.index, 'configurations ascend', { index, last: this.current.index })
    this.#kept.push({ index, term, voters })
  }

  /** The log was cut from index on. */
  truncate(index: number): void {
    while (this.#kept.length > 1 && this.current.index >= index) this.#kept.pop()
  }

  /** The log begins anew after a snapshot, whose configuration this is; undefined: it knows of no change. Returns whether another one is in force. */
  reset(entry: ConfigurationEntry | undefined): boolean {
    const { index } = this.current
    this.#kept.length = 0
    if (entry === undefined) this.#kept.push(this.#founding)
    else this.#kept.push({ index: entry.at, term: entry.term, voters: votersOfParts(entry.parts) })
    return this.current.index !== index
  }

  /** Entries up to index are committed: what they replaced is never in force again. */
  settle(commit: number): void {
    while (this.#kept.length > 1 && (this.#kept[1] as Configuration).index <= commit) this.#kept.shift()
  }
}
