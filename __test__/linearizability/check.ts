// Whether a history of calls is linearizable: whether each call can be given one moment between its begin and its end so that, done in
// that order, a model answers what was answered. Knows no keys; a model says what a call does.
//
// The algorithm of J. Wing and C. Gong (1993) with the memory of G. Lowe (2017), as Porcupine has it: calls are tried in the order of
// their begins, one that cannot come next is put off, and a set of calls done that led to the same state before is not tried again.

/** One call and what came of it. Times are of one clock, in any unit. */
export interface Call<Input, Output> {
  /** Who called; only for what is printed. */
  client: string
  input: Input
  begin: number
  /** Infinity if nobody knows whether it was done: then it may be at any time after `begin`, or never. */
  end: number
  /** Undefined if nobody knows. */
  output: Output | undefined
}

export interface Model<State, Input, Output> {
  initial: State
  /** The state after the call, or undefined if it would have been answered otherwise. States are values: none is changed. */
  step(state: State, input: Input, output: Output | undefined): State | undefined
  /** Equal for equal states, different for others. */
  nameOf(state: State): string
}

export type Verdict<Input, Output> =
  | { isLinearizable: true; steps: number }
  | {
      isLinearizable: false
      steps: number
      /** The longest order that was found, and the call that had ended then and could not come next. */
      longest: Call<Input, Output>[]
      stuck: Call<Input, Output>
    }

/** Tried orders after which it is not known whether there is one: thrown as an error. */
const STEPS_MAX = 20_000_000

/** A begin or an end, in a list by time. */
interface Moment<Input, Output> {
  number: number
  call: Call<Input, Output>
  /** Of a begin, its end; of an end, null. */
  match: Moment<Input, Output> | null
  before: Moment<Input, Output> | null
  after: Moment<Input, Output> | null
}

export function check<State, Input, Output>(
  history: readonly Call<Input, Output>[],
  model: Model<State, Input, Output>,
): Verdict<Input, Output> {
  const search = new Search(history, model)
  return search.run()
}

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>
  /** Before the first moment. */
  readonly #head: Moment<Input, Output>
  readonly #names: [number, number][]
  /** What was done, in order, with the state before each. */
  readonly #done: { moment: Moment<Input, Output>; before: State }[] = []
  readonly #seen = new Set<string>()
  #state: State
  /** Of the calls done, in any order. */
  #name: [number, number] = [0, 0]
  #longest: Call<Input, Output>[] = []

  constructor(history: readonly Call<Input, Output>[], model: Model<State, Input, Output>) {
    this.#model = model
    this.#state = model.initial
    this.#head = listOf(history)
    this.#names = namesOf(history.length)
  }

  run(): Verdict<Input, Output> {
    let moment = this.#head.after
    for (let steps = 0; ; steps++) {
      if (steps > STEPS_MAX) throw new Error(`${STEPS_MAX} steps were not enough: the history is too long, or too concurrent`)
      // What is left may never have been done.
      if (moment === null || (moment.match === null && moment.call.end === Number.POSITIVE_INFINITY)) {
        return { isLinearizable: true, steps }
      }
      if (moment.match !== null) {
        moment = this.#tryNext(moment) ? this.#head.after : moment.after
        continue
      }
      if (this.#done.length >= this.#longest.length) this.#longest = this.#done.map((one) => one.moment.call)
      const last = this.#done.pop()
      if (last === undefined) return { isLinearizable: false, steps, longest: this.#longest, stuck: this.#stuck() }
      this.#undo(last)
      moment = last.moment.after
    }
  }

  /** Does the call next, if its answer fits and that is new. */
  #tryNext(moment: Moment<Input, Output>): boolean {
    const { call, number } = moment
    const state = this.#model.step(this.#state, call.input, call.output)
    if (state === undefined) return false
    const name = toggled(this.#name, this.#names[number] as [number, number])
    const seen = `${name[0]} ${name[1]} ${this.#model.nameOf(state)}`
    if (this.#seen.has(seen)) return false
    this.#seen.add(seen)
    this.#done.push({ moment, before: this.#state })
    this.#state = state
    this.#name = name
    leave(moment)
    leave(moment.match as Moment<Input, Output>)
    return true
  }

  #undo({ moment, before }: { moment: Moment<Input, Output>; before: State }): void {
    this.#state = before
    this.#name = toggled(this.#name, this.#names[moment.number] as [number, number])
    comeBack(moment.match as Moment<Input, Output>)
    comeBack(moment)
  }

  /** The call that ends first of those that the longest order lacks. */
  #stuck(): Call<Input, Output> {
    const done = new Set(this.#longest)
    let moment = this.#head.after
    while (moment !== null && (moment.match !== null || done.has(moment.call))) moment = moment.after
    return (moment as Moment<Input, Output>).call
  }
}

/** All moments by time. At the same time begins come first: calls that touch count as at once. */
function listOf<Input, Output>(history: readonly Call<Input, Output>[]): Moment<Input, Output> {
  const moments = history.flatMap((call, number) => {
    const end: Moment<Input, Output> = { number, call, match: null, before: null, after: null }
    return [{ ...end, match: end }, end]
  })
  const timeOf = ({ match, call }: Moment<Input, Output>) => (match === null ? call.end : call.begin)
  moments.sort((a, b) => compareNumbers(timeOf(a), timeOf(b)) || Number(a.match === null) - Number(b.match === null))
  const nobody = { client: '', input: undefined as Input, begin: 0, end: 0, output: undefined }
  const head: Moment<Input, Output> = { number: -1, call: nobody, match: null, before: null, after: null }
  let last = head
  for (const moment of moments) {
    last.after = moment
    moment.before = last
    last = moment
  }
  return head
}

/** Infinity equals itself. */
function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a - b
}

function leave<Input, Output>(moment: Moment<Input, Output>): void {
  if (moment.before !== null) moment.before.after = moment.after
  if (moment.after !== null) moment.after.before = moment.before
}

function comeBack<Input, Output>(moment: Moment<Input, Output>): void {
  if (moment.before !== null) moment.before.after = moment
  if (moment.after !== null) moment.after.before = moment
}

/**
 * A random number of 64 bits for each call, in two halves: a set of calls is named by their sum without carry (A. Zobrist, 1970), which
 * is the same in any order. Two sets of the same name would be taken for one; with a million sets that has a chance of 10^-7.
 */
function namesOf(count: number): [number, number][] {
  let state = 0x2545f491
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state | 0
  }
  return Array.from({ length: count }, () => [next(), next()])
}

function toggled(name: [number, number], other: [number, number]): [number, number] {
  return [name[0] ^ other[0], name[1] ^ other[1]]
}
