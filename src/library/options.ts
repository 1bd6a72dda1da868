// A mistyped option is told, not ignored.

/** Options of which each has a value. */
export type Complete<T> = { [Name in keyof T]-?: Exclude<T[Name], undefined> }

/** Throws TypeError unless `options` is an object that has no other fields than `known`. */
export function checkOptions(what: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${what} takes an object of options`)
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new TypeError(`${what} has no option ${unknown}; it has ${known.join(', ')}`)
}
