// Who votes in a simulated cluster, and how many of them are enough: counted by itself, not by the code under test.
import type { MemberView } from './checker.js'

/** The members of a group. */
export interface Configuration {
  readonly incoming: readonly number[]
  /** Empty unless the voters are changing. */
  readonly outgoing: readonly number[]
  readonly learners: readonly number[]
  /** Who of all of them has no data; undefined: nobody. */
  readonly witnesses?: readonly number[]
  /** Those that a configuration entry gives. */
  readonly priorities?: ReadonlyMap<number, number>
}

/** So many members, who all vote. */
export function allVote(members: number): Configuration {
  return { incoming: Array.from({ length: members }, (_, i) => i + 1), outgoing: [], learners: [] }
}

/** Whether these are more than half of each set of voters. */
export function isEnough({ incoming, outgoing }: Configuration, ids: readonly number[]): boolean {
  return isMajority(incoming, ids) && (outgoing.length === 0 || isMajority(outgoing, ids))
}

function isMajority(voters: readonly number[], ids: readonly number[]): boolean {
  let found = 0
  for (const id of voters) if (ids.includes(id)) found += 1
  return found * 2 > voters.length
}

/** What these parts say: a sum of 1 a voter of the incoming set, 2 of the outgoing one, 4 a witness, and of 256 times a priority. */
export function configurationOf(parts: readonly number[]): Configuration {
  const known = read.get(parts)
  if (known !== undefined) return known
  const configuration = readParts(parts)
  read.set(parts, configuration)
  return configuration
}

/** The parts of an entry never change, and checkers ask what they say at every step. */
const read = new WeakMap<readonly number[], Configuration>()

function readParts(parts: readonly number[]): Configuration {
  const having = (wanted: (part: number) => boolean) => parts.filter((_, i) => i % 2 === 0 && wanted(parts[i + 1]!))
  return {
    incoming: having((part) => part % 2 === 1),
    outgoing: having((part) => part % 4 >= 2),
    learners: having((part) => part % 4 === 0),
    witnesses: having((part) => part % 8 >= 4),
    priorities: new Map(having(() => true).map((id, i) => [id, Math.floor(parts[2 * i + 1]! / 256)])),
  }
}

/** What decides at a member: the last configuration that it has, or the one that the group was founded with. */
export function configurationAt(member: MemberView, group: number, founding: Configuration): Configuration {
  const configured = member.configured(group)
  return configured === undefined ? founding : configurationOf(configured.parts)
}
