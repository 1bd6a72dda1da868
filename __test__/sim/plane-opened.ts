// What a simulated plane tells of a group when it opens it, in the layouts of crates/codec/FORMATS.md.
import { limits } from '../../src/limits.js'
import { Event } from '../../src/plane/record-kinds.js'
import type { State } from './machine.js'
import type { MemberLog } from './member-log.js'

/** Who the members are, in what the next record tells of. */
export function configurationRecord(group: number, at: number, term: number, parts: readonly number[]): number[] {
  return [Event.CONFIGURATION, group, at, term, parts.length / 2, ...parts]
}

/** Its log follows the state. */
export function openedRecords(group: number, log: MemberLog, state: State): number[][] {
  const { term, vote, commit, baseIndex, baseTerm, lastIndex, recovering } = log
  const stored = state.configuration === undefined ? [] : [state.configuration]
  const later = log.configurations.filter(({ index }) => index > (state.configuration?.index ?? 0))
  const configurations = [...stored, ...later].map((each) => configurationRecord(group, each.index, each.term, each.parts))
  const runs = log.runs()
  const numbers = [term, vote, commit, baseIndex, baseTerm, lastIndex, state.index, recovering ? 1 : 0]
  const head = [Event.OPENED, group, ...numbers]
  // What one array cannot hold comes before, as from the native plane.
  const room = 2 * Math.floor((limits.eventsDoublesMax - 2 - head.length - 1) / 2)
  const records: number[][] = configurations
  let at = 0
  for (; runs.length - at > room; at += room) {
    records.push([Event.OPENED_RUNS, group, room / 2, ...runs.slice(at, at + room)])
  }
  return [...records, [...head, (runs.length - at) / 2, ...runs.slice(at)]]
}
