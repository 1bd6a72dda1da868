// Stands for vitest while a mutant is tested: collects the tests of a file, and knows the few expectations that the tests of
// the core use. A test that expects something else fails here at once, also without a mutant.
import { inspect, isDeepStrictEqual } from 'node:util'

/** What `import … from 'vitest'` gets; the tests that were declared are in `tests`. */
export function createVitest() {
  const tests = []
  const test = (name, options, run = options) => void tests.push({ name, run })
  test.each = (rows) => (name, run) => {
    for (const row of rows) test(name, () => (Array.isArray(row) ? run(...row) : run(row)))
  }
  const describe = (_name, declare) => declare()
  return { tests, vitest: { test, it: test, describe, expect } }
}

function expect(found) {
  const check = (holds, expected) => {
    if (!holds) throw new Error(`found ${inspect(found)}, expected ${inspect(expected)}`)
  }
  return {
    toBe: (expected) => check(Object.is(found, expected), expected),
    toEqual: (expected) => check(isDeepStrictEqual(found, expected), expected),
    toBeGreaterThanOrEqual: (least) => check(found >= least, least),
    toBeGreaterThan: (least) => check(found > least, least),
    toBeLessThan: (most) => check(found < most, most),
    toThrow: (message) => {
      try {
        found()
      } catch (error) {
        if (message !== undefined && !String(error.message).includes(message)) throw error
        return
      }
      throw new Error(`nothing was thrown, expected ${message}`)
    },
  }
}
