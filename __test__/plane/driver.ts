// Speaks to a plane as the worker would, by hand: commands as numbers, events as records by kind.
import { limits } from '../../src/limits.js'
import type { Plane } from '../../src/plane/plane.js'
import { Event } from '../../src/plane/record-kinds.js'

/** One event: its kind, its group, and its fields after those. */
export interface EventRecord {
  readonly kind: number
  readonly group: number
  readonly fields: readonly number[]
}

/** Exchanges after which an event that was waited for is taken to be lost. */
const EXCHANGES_MAX = 200
const WAIT_MS = 20

/** Fields of each kind of event that always has as many. */
const FIELDS: Readonly<Record<number, number>> = {
  [Event.PROPOSALS]: 2,
  [Event.DURABLE]: 2,
  [Event.APPLIED]: 1,
  [Event.PEER]: 3,
  [Event.READS]: 1,
  [Event.COMMITTED]: 2,
  [Event.SENT]: 4,
  [Event.SNAPSHOT_SENT]: 3,
  [Event.SNAPSHOT_INSTALLED]: 4,
  [Event.PERSISTED]: 2,
  [Event.TRANSFER]: 1,
  [Event.CLOSE]: 0,
}

/** Drives one plane. */
export class PlaneDriver {
  readonly plane: Plane
  /** The time of the last exchange, ms. */
  now = 0
  readonly #seen: EventRecord[] = []

  constructor(plane: Plane) {
    this.plane = plane
  }

  /** One exchange: hands over records of commands, returns the events. `capacity`: of the events array, in doubles. */
  exchange(
    commands: readonly (readonly number[])[] = [],
    timeoutMs = 0,
    capacity: number = limits.eventsDoublesMax,
  ): EventRecord[] {
    const flat = new Float64Array(limits.commandsDoublesMax)
    const numbers = commands.flat()
    flat.set(numbers)
    const events = new Float64Array(capacity)
    const used = this.plane.exchange(flat, numbers.length, events, timeoutMs)
    if (used !== events[0]) throw new Error(`exchange returned ${used}, the array says ${events[0]}`)
    this.now = events[1]!
    const records = readEvents(events, used)
    this.#seen.push(...records)
    return records
  }

  /** Exchanges until there is an event of `kind` that was not waited for before; returns its fields. */
  waitFor(kind: number, commands: readonly (readonly number[])[] = []): readonly number[] {
    this.exchange(commands)
    for (let i = 0; i < EXCHANGES_MAX; i += 1) {
      const at = this.#seen.findIndex((record) => record.kind === kind)
      if (at >= 0) return this.#seen.splice(at, 1)[0]!.fields
      this.exchange([], WAIT_MS)
    }
    throw new Error(`no event of kind ${kind} in ${EXCHANGES_MAX} exchanges`)
  }

  /** Whether an event of `kind` comes within `exchanges` exchanges. Does not take it. */
  comes(kind: number, exchanges = 5): boolean {
    for (let i = 0; i < exchanges && !this.#seen.some((record) => record.kind === kind); i += 1) this.exchange([], WAIT_MS)
    return this.#seen.some((record) => record.kind === kind)
  }
}

function readEvents(events: Float64Array, used: number): EventRecord[] {
  const records: EventRecord[] = []
  let at = 2
  while (at < used) {
    const kind = events[at]!
    const size = fieldsOf(kind, events, at + 2)
    records.push({ kind, group: events[at + 1]!, fields: [...events.subarray(at + 2, at + 2 + size)] })
    at += 2 + size
  }
  if (at !== used) throw new Error(`events end inside a record: ${at} of ${used}`)
  return records
}

function fieldsOf(kind: number, events: Float64Array, first: number): number {
  if (kind === Event.OPENED) return 9 + 2 * events[first + 8]!
  if (kind === Event.OPENED_RUNS) return 1 + 2 * events[first]!
  if (kind === Event.MESSAGE) return 12 + 2 * events[first + 11]!
  if (kind === Event.CONFIGURATION) return 3 + 2 * events[first + 2]!
  if (kind === Event.CHANGE) return 4 + 2 * events[first + 3]!
  const fields = FIELDS[kind]
  if (fields === undefined) throw new Error(`event of unknown kind ${kind}`)
  return fields
}
