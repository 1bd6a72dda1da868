// Holds what a cluster has against what its writers were told: nothing acknowledged is lost or changed, nothing is there
// that nobody wrote, nothing was applied twice, counters neither skip nor repeat. Reads nothing itself.
import type { KeyValue } from 'rafterdb'
import type { Attempt, WriteRecord } from './record.js'

/** One put of the cluster's history. */
export interface Put {
  revision: number
  key: string
  value: string
  version: number
}

/** What the cluster says. */
export interface Outcome {
  /** Every live pair. */
  pairs: Pick<KeyValue, 'key' | 'value' | 'version' | 'modRevision'>[]
  /** Every put from the first revision on, in order. */
  history: Put[]
}

/** Keys under it count from 1, one a put. */
export const COUNTERS = 'counter/'

/** One line for each thing that is wrong. */
export function checkWrites({ attempts }: WriteRecord, { pairs, history }: Outcome): string[] {
  const byValue = new Map(attempts.map((attempt) => [`${attempt.key}=${attempt.value}`, attempt]))
  return [
    ...checkHistory(byValue, history),
    ...checkAcknowledged(attempts, history),
    ...checkPairs(pairs, history),
    ...checkCounters(history),
  ]
}

function checkHistory(byValue: Map<string, Attempt>, history: Put[]): string[] {
  const findings: string[] = []
  const seen = new Map<string, number>()
  const versions = new Map<string, number>()
  let last = 0
  for (const { revision, key, value, version } of history) {
    const name = `${key}=${value}`
    if (!byValue.has(name)) findings.push(`${name} at revision ${revision} was never written`)
    const earlier = seen.get(name)
    if (earlier !== undefined) findings.push(`${name} was applied twice, at revisions ${earlier} and ${revision}`)
    seen.set(name, revision)
    const expected = (versions.get(key) ?? 0) + 1
    if (version !== expected) findings.push(`${key} has version ${version} after ${expected} puts`)
    versions.set(key, expected)
    if (revision < last) findings.push(`revision ${revision} comes after ${last}`)
    last = revision
  }
  return findings
}

function checkAcknowledged(attempts: Attempt[], history: Put[]): string[] {
  const revisions = new Map(history.map(({ key, value, revision }) => [`${key}=${value}`, revision]))
  return attempts.flatMap(({ key, value, revision }) => {
    if (revision === null) return []
    const found = revisions.get(`${key}=${value}`)
    if (found === undefined) return [`${key}=${value}, acknowledged at revision ${revision}, is lost`]
    return found === revision ? [] : [`${key}=${value}, acknowledged at revision ${revision}, is at ${found}`]
  })
}

/** The live pairs are the last puts: with the checks above, the last acknowledged or a later attempt. */
function checkPairs(pairs: Outcome['pairs'], history: Put[]): string[] {
  const last = new Map(history.map((put) => [put.key, put]))
  const findings = pairs.flatMap(({ key, value, version, modRevision }) => {
    const put = last.get(key)
    last.delete(key)
    if (put === undefined) return [`${key} is there and was never put`]
    const isSame = put.value === value && put.version === version && put.revision === modRevision
    return isSame ? [] : [`${key} is ${value} (${version}, ${modRevision}), not ${put.value} (${put.version}, ${put.revision})`]
  })
  return [...findings, ...[...last.keys()].map((key) => `${key} was put and is not there`)]
}

function checkCounters(history: Put[]): string[] {
  const reached = new Map<string, number>()
  return history.flatMap(({ key, value }) => {
    if (!key.startsWith(COUNTERS)) return []
    const expected = (reached.get(key) ?? 0) + 1
    reached.set(key, expected)
    // The value names its writer after the number.
    return Number(value.split(' ')[0]) === expected ? [] : [`${key} counts to ${value} where ${expected} follows`]
  })
}
