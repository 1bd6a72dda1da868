// All checkers as one: each happening goes to those that want it, in their order, and to no others.
import type { Checker } from '../checker.js'

/** No hook has more than four arguments. */
type Call = (a: never, b: never, c: never, d: never) => void
type Hook = Exclude<keyof Checker, 'property'>

const HOOKS: readonly Hook[] = [
  ...(['onRole', 'onLease', 'onWrite', 'onDurable', 'onCommit', 'onApply', 'onRestart'] as const),
  ...(['onStep', 'onWipe', 'onRecovered', 'onAcknowledged', 'onOperation', 'onRead', 'onEnd'] as const),
]

/** One checker that is all of these. */
export function together(checkers: readonly Checker[]): Checker {
  const all: Record<string, Call> = {}
  for (const hook of HOOKS) {
    const wanting = checkers.filter((checker) => checker[hook] !== undefined)
    const calls = wanting.map((checker) => (checker[hook] as Call).bind(checker))
    if (calls.length === 0) continue
    all[hook] = (a, b, c, d) => {
      for (const call of calls) call(a, b, c, d)
    }
  }
  return all
}
