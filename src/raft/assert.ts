// Broken invariants stop the node: a wrong answer is worse than none. Operating errors never come through here.
import { RafterError } from '../errors.js'

/** Throws INTERNAL with the invariant's name and the values that break it. Always on. */
export function assert(
  condition: boolean,
  invariant: string,
  values?: Readonly<Record<string, number | string | boolean>>,
): asserts condition {
  if (!condition) fail(invariant, values)
}

function fail(invariant: string, values: Readonly<Record<string, number | string | boolean>> = {}): never {
  const shown = Object.entries(values).map(([name, value]) => `${name} ${value}`)
  const details = shown.length > 0 ? ` (${shown.join(', ')})` : ''
  throw new RafterError('INTERNAL', `broken invariant: ${invariant}${details}; the member stops, this is a bug in rafterdb`)
}
