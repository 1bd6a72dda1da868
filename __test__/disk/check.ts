// The checker: a store read whole must be what the lanes wrote. Every acknowledged operation is there, with value, version
// and revisions; of what was under way, each lane's one operation, all or nothing; and nothing else.
import type { DumpedPair } from './child.js'
import { acknowledged, type LaneRecord, type Ledger, laneOf } from './ledger.js'
import { digestOf, type Model, modelAfter } from './model.js'
import type { Lanes } from './plan.js'

/** Complaints about the latest state; none: all is well. */
export function check(lanes: Lanes, ledger: Ledger, pairs: DumpedPair[]): string[] {
  return checkBy(lanes, pairs, (name, operations, own) => {
    const record = laneOf(ledger, name)
    const done = acknowledged(record)
    const complaints = compare(modelAfter(operations, done), record, own, operations.length)
    // The one that was under way may have happened.
    if (complaints.length === 0 || record.started === done) return complaints
    const more = compare(modelAfter(operations, done + 1), record, own, done)
    return more.length === 0 ? [] : complaints
  })
}

/** Complaints about the state at a revision that every lane has gone past. */
export function checkAt(lanes: Lanes, ledger: Ledger, revision: number, pairs: DumpedPair[]): string[] {
  return checkBy(lanes, pairs, (name, operations, own) => {
    const record = laneOf(ledger, name)
    // A compaction's revision is the one it compacts, not one of its own.
    const later = operations.findIndex(
      (operation, n) => operation.type !== 'compact' && (record.revisions.get(n) ?? Infinity) > revision,
    )
    const done = later < 0 ? operations.length : later
    return compare(modelAfter(operations, done), record, own, operations.length)
  })
}

/** Revisions that every lane has gone past, newest last: at these the whole state is known. */
export function knownRevisions(lanes: Lanes, ledger: Ledger, compacted: number): number[] {
  const written = (name: string) =>
    [...laneOf(ledger, name).revisions].filter(([n]) => lanes[name]?.[n]?.type !== 'compact').map(([, revision]) => revision)
  const all = Object.keys(lanes).map(written)
  if (all.some((revisions) => revisions.length === 0)) return []
  const past = Math.min(...all.map((revisions) => Math.max(...revisions)))
  return [...new Set(all.flat())].filter((revision) => revision <= past && revision > compacted).sort((a, b) => a - b)
}

type CheckLane = (name: string, operations: Lanes[string], own: DumpedPair[]) => string[]

function checkBy(lanes: Lanes, pairs: DumpedPair[], checkLane: CheckLane): string[] {
  const byLane = new Map<string, DumpedPair[]>(Object.keys(lanes).map((name) => [name, []]))
  const complaints: string[] = []
  for (const pair of pairs) {
    const own = byLane.get(pair[0].split('/')[0] ?? '')
    if (own) own.push(pair)
    else complaints.push(`${pair[0]} was never written`)
  }
  for (const [name, own] of byLane) complaints.push(...checkLane(name, lanes[name] ?? [], own))
  return complaints
}

/** `unknown`: the number of the operation whose revision nobody was told. */
function compare(model: Model, record: LaneRecord, pairs: DumpedPair[], unknown: number): string[] {
  const complaints: string[] = []
  const seen = new Set<string>()
  const right = (revision: number, n: number) => n === unknown || record.revisions.get(n) === revision
  for (const [key, version, modified, created, bytes, digest] of pairs) {
    seen.add(key)
    const expected = model.get(key)
    if (!expected) complaints.push(`${key} is there at version ${version}, and should not be`)
    else if (expected.value.bytes !== bytes || digestOf(expected.value) !== digest)
      complaints.push(`${key} has another value than ${expected.value.tag}`)
    else if (expected.version !== version) complaints.push(`${key} has version ${version} instead of ${expected.version}`)
    else if (!right(modified, expected.modified) || !right(created, expected.created))
      complaints.push(`${key} says revisions ${created}, ${modified}: not those acknowledged`)
  }
  for (const key of model.keys()) if (!seen.has(key)) complaints.push(`${key} is missing`)
  return complaints
}
