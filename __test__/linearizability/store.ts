// The store as a model for `check`: reads of several keys at once, and transactions of compares and writes. Which keys never meet in
// one call is found out first, so that each such part is checked by itself: a history is linearizable if all its parts are (Herlihy and
// Wing, 1990).
import { type Call, check, type Model } from './check.js'

/** What a call asks for. A value of null: the key is not there. */
export type StoreInput =
  | { type: 'read'; keys: readonly string[] }
  /** Writes what `then` says if all keys have the values that `if` says. A put is one without compares. */
  | { type: 'txn'; if: readonly KeyValue[]; then: readonly KeyValue[] }

export type KeyValue = readonly [key: string, value: string | null]

/** Of a read, the values in the order of its keys; of a transaction, whether its compares held. */
export type StoreOutput = readonly (string | null)[] | boolean

export type StoreCall = Call<StoreInput, StoreOutput>

/** The values of some keys, in the order of the keys. */
type State = readonly (string | null)[]

/** One line for each part of the history that is not linearizable. */
export function checkStore(history: readonly StoreCall[]): string[] {
  return partsOf(history).flatMap(({ keys, calls }) => {
    const verdict = check(calls, modelOf(keys))
    if (verdict.isLinearizable) return []
    const { longest, stuck } = verdict
    const before = longest.slice(-6).map((call) => `  ${describe(call)}`)
    return [
      [
        `not linearizable: ${keys.join(', ')}`,
        `after ${longest.length} calls, the last of them`,
        ...before,
        `no order allows ${describe(stuck)}`,
      ].join('\n'),
    ]
  })
}

function modelOf(keys: readonly string[]): Model<State, StoreInput, StoreOutput> {
  const places = new Map(keys.map((key, place) => [key, place]))
  const placeOf = (key: string) => places.get(key) as number
  return {
    initial: keys.map(() => null),
    nameOf: (state) => JSON.stringify(state),
    step(state, input, output) {
      if (input.type === 'read') {
        const isSo = output === undefined || input.keys.every((key, i) => state[placeOf(key)] === (output as State)[i])
        return isSo ? state : undefined
      }
      const holds = input.if.every(([key, value]) => state[placeOf(key)] === value)
      if (output !== undefined && output !== holds) return undefined
      if (!holds) return state
      const next = [...state]
      for (const [key, value] of input.then) next[placeOf(key)] = value
      return next
    },
  }
}

function keysOf(input: StoreInput): string[] {
  return input.type === 'read' ? [...input.keys] : [...input.if, ...input.then].map(([key]) => key)
}

/** The calls by the keys that they have in common, at first or second hand. */
function partsOf(history: readonly StoreCall[]): { keys: string[]; calls: StoreCall[] }[] {
  const parents = new Map<string, string>()
  const rootOf = (key: string): string => {
    const parent = parents.get(key) ?? key
    if (parent === key) return key
    const root = rootOf(parent)
    parents.set(key, root)
    return root
  }
  for (const { input } of history) {
    const [first = '', ...others] = keysOf(input)
    for (const key of [first, ...others]) parents.set(rootOf(key), rootOf(first))
  }
  const parts = new Map<string, { keys: string[]; calls: StoreCall[] }>()
  for (const key of [...parents.keys()].sort()) {
    const root = rootOf(key)
    const part = parts.get(root) ?? { keys: [], calls: [] }
    part.keys.push(key)
    parts.set(root, part)
  }
  for (const call of history) {
    const [first = ''] = keysOf(call.input)
    parts.get(rootOf(first))?.calls.push(call)
  }
  return [...parts.values()]
}

function describe({ client, input, output, begin, end }: StoreCall): string {
  const pairs = (list: readonly KeyValue[]) => list.map(([key, value]) => `${key}=${value}`).join(' ')
  const what = input.type === 'read' ? `read ${input.keys.join(' ')}` : `if [${pairs(input.if)}] put [${pairs(input.then)}]`
  const answer = output === undefined ? 'unknown' : JSON.stringify(output)
  return `${client}: ${what} -> ${answer} (${begin.toFixed(1)} to ${end.toFixed(1)})`
}
