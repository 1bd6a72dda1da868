// Values of callers as error messages name them. Knows no errors.

/** A value as an error message names it. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'object') return `an object (${value.constructor?.name ?? 'no prototype'})`
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
}

/** The same, and a number as what it is. */
export function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : describe(value)
}
