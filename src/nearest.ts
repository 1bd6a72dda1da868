// Finds what somebody who mistyped a word probably meant.

/** The candidate with the fewest edits from `word`, if that is at most two fifths of its letters. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Math.floor(word.length * 0.4)
  for (const candidate of candidates) {
    const count = edits(word.toLowerCase(), candidate.toLowerCase())
    if (count <= fewest) {
      best = candidate
      fewest = count - 1
    }
  }
  return best
}

/** What is wrong with a name that is none of `known`: the one that is meant, or all there are. */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  const near = closest(name, known)
  return `unknown ${what} ${name}${near === undefined ? `; known: ${known.join(', ')}` : `; did you mean ${near}?`}`
}

/** Insertions, deletions and replacements that turn one word into the other (Levenshtein). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
