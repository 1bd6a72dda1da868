// What is not clean yet, with the reason. The list may only shrink: a place that has become clean fails until it is taken out.
import type { SourceFile } from './rule.js'

/** This file. Canaries are small sets of files without it: only with the whole project a place on the list must be unclean. */
export const LIST = '__test__/tidy/not-yet-clean.ts'

export interface Place {
  rule: string
  /** A file, or a folder with a slash at its end. */
  path: string
  reason: string
}

const circle = (path: string, reason: string): Place => ({ rule: 'circles', path, reason })

export const NOT_YET_CLEAN: readonly Place[] = [
  circle('crates/net/', 'peers and the listener know the net that owns them'),
  circle('crates/pool/', 'slots go back to the pool that they came from'),
  circle(
    'crates/store/src/engine/',
    'errors know the limits of tables, which fail with errors; an engine that is installed opens itself; History is in mod.rs, below and above its parts',
  ),
  circle('crates/store/src/machine/', 'every step of an operation is a method of the whole machine'),
]

export interface Finding {
  path: string
  text: string
}

/** The findings of a rule that are not on the list, and the places on the list at which it finds nothing. */
export function notYetClean(rule: string, files: SourceFile[], found: Finding[], list = NOT_YET_CLEAN): string[] {
  const places = list.filter((place) => place.rule === rule)
  const isAt = (place: Place, path: string) => (place.path.endsWith('/') ? path.startsWith(place.path) : path === place.path)
  const unexpected = found.filter(({ path }) => !places.some((place) => isAt(place, path)))
  const isWhole = files.some(({ path }) => path === LIST)
  const clean = places.filter((place) => isWhole && !found.some(({ path }) => isAt(place, path)))
  return [
    ...unexpected.map(({ path, text }) => `${path}: ${text}`),
    ...clean.map(({ path }) => `${path} is clean now (${rule}): take it off the list in ${LIST}`),
  ]
}
