// The mutants that nobody can notice, with the reason why: equivalent.txt. Blocks divided by empty lines: the identities of
// some mutants, one a line, then the reason they share, indented.
import { readFileSync } from 'node:fs'

/** Reasons by identity. Throws if the file is not in its form. */
export function readEquivalent(text) {
  const reasons = new Map()
  for (const block of text.split(/\n\s*\n/)) {
    const lines = block.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
    const identities = lines.filter((line) => !line.startsWith('  '))
    const reason = lines.filter((line) => line.startsWith('  ')).map((line) => line.trim())
    if (lines.length > 0 && (identities.length === 0 || reason.length === 0)) throw new Error(`no reason in: ${block}`)
    for (const identity of identities) {
      if (reasons.has(identity)) throw new Error(`listed twice: ${identity}`)
      reasons.set(identity, reason.join(' '))
    }
  }
  return reasons
}

export function loadEquivalent() {
  return readEquivalent(readFileSync(new URL('./equivalent.txt', import.meta.url), 'utf8'))
}

/** Explanations of mutants that are gone, or that something notices. `results`: what noticed each that was run, by id. */
export function outOfDate(reasons, mutants, results) {
  const known = new Map(mutants.map((mutant) => [mutant.identity, mutant]))
  return [...reasons.keys()].flatMap((identity) => {
    const mutant = known.get(identity)
    if (mutant === undefined) return [`${identity} (there is no such mutant)`]
    const noticed = results.get(mutant.id)
    return noticed === undefined ? [] : [`${identity} (noticed by ${noticed.check}: ${noticed.message})`]
  })
}
