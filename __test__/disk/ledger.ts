// What a child noted of its operations: which it started and which were acknowledged, with their revisions.
import { existsSync, readFileSync } from 'node:fs'

/** One lane. The operations are started in order, and each waits for the one before. */
export interface LaneRecord {
  /** Operations started. */
  started: number
  /** Revision of each that was acknowledged, by its number. */
  revisions: Map<number, number>
  /** Why the lane ended early. */
  error: { code: string; message: string } | null
}

export interface Ledger {
  lanes: Map<string, LaneRecord>
  fatals: string[]
}

export function readLedger(path: string): Ledger {
  const ledger: Ledger = { lanes: new Map(), fatals: [] }
  // A process that died before it was told of the ledger has written none.
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [what, lane = '', n = '', ...rest] = line.split(' ')
    if (what === 'f') {
      ledger.fatals.push(line.slice(2))
      continue
    }
    const record = laneOf(ledger, lane)
    if (what === 's') record.started = Number(n) + 1
    else if (what === 'a') record.revisions.set(Number(n), Number(rest[0]))
    else if (what === 'e') record.error = { code: rest[0] ?? '', message: rest.slice(1).join(' ') }
    else throw new Error(`a ledger has no line ${line}`)
  }
  return ledger
}

export function laneOf(ledger: Ledger, lane: string): LaneRecord {
  let record = ledger.lanes.get(lane)
  if (!record) {
    record = { started: 0, revisions: new Map(), error: null }
    ledger.lanes.set(lane, record)
  }
  return record
}

/** Acknowledged operations of a lane: all up to this number, since each waits for the one before. */
export const acknowledged = (record: LaneRecord) => record.revisions.size

/** Of all lanes. */
export function acknowledgedOf(ledger: Ledger): number {
  return [...ledger.lanes.values()].reduce((sum, lane) => sum + acknowledged(lane), 0)
}
