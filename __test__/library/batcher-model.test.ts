// Whatever the bounds and in whatever order items, ends of runs and time come: which items go together, when, and what each is
// answered agrees with a model. The check finds batchers that are broken on purpose.
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RafterError } from '../../src/errors.js'
import { Batcher, type BatcherOptions } from '../../src/library/batcher.js'
import type { Complete } from '../../src/library/options.js'
import { turn, Worker } from './batch-worker.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** `add`: items of these sizes, in one turn. `end`, `fail`: one of the runs under way. `pass`: milliseconds. */
interface Step {
  add?: number[]
  end?: number
  fail?: number
  pass?: number
  flush?: boolean
}

type Bounds = Complete<Omit<BatcherOptions<number, number>, 'run' | 'sizeOf' | 'maxWaitMs'>> & { maxWaitMs?: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.array(fc.nat(12), { minLength: 1, maxLength: 6 }) }) },
    { weight: 4, arbitrary: fc.record({ end: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ fail: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 8 }) }) },
    { weight: 1, arbitrary: fc.constant({ flush: true }) },
  ),
  { maxLength: 40 },
)

const bounds: fc.Arbitrary<Bounds> = fc
  .record({
    maxItems: fc.integer({ min: 1, max: 5 }),
    maxBytes: fc.integer({ min: 1, max: 25 }),
    maxInFlight: fc.integer({ min: 1, max: 3 }),
    maxQueued: fc.integer({ min: 1, max: 12 }),
    wait: fc.option(fc.integer({ min: 0, max: 10 })),
  })
  .map(({ wait, ...rest }) => (wait === null || rest.maxInFlight === 1 ? rest : { ...rest, maxWaitMs: wait }))

interface Waiting {
  item: number
  size: number
  since: number
  /** A flush came after it: what comes later is in another batch. */
  isLast: boolean
}

/** What a batcher must do, from a flat list of what waits. */
class Model {
  readonly batches: number[][] = []
  readonly answers = new Map<number, string>()
  readonly #waiting: Waiting[] = []
  readonly #running = new Set<number>()
  #now = 0

  constructor(readonly bounds: Bounds) {}

  step(step: Step, firstItem: number): void {
    step.add?.forEach((size, i) => void this.#add(firstItem + i, size))
    if (step.end !== undefined) this.#end(step.end, (item) => `${item * 10}`)
    if (step.fail !== undefined) this.#end(step.fail, () => 'failed')
    if (step.flush) {
      const last = this.#waiting.at(-1)
      if (last !== undefined) last.isLast = true
    }
    // Of the milliseconds that pass, each may have a batch go.
    for (let left = step.pass ?? 0; left > 0; left--) this.#now += 1
    this.#pump()
    this.#pump()
  }

  #add(item: number, size: number): void {
    if (this.#waiting.length >= this.bounds.maxQueued) this.answers.set(item, 'BUSY')
    else this.#waiting.push({ item, size, since: this.#now, isLast: false })
  }

  #end(which: number, answer: (item: number) => string): void {
    const number = [...this.#running][which]
    if (number === undefined) return
    this.#running.delete(number)
    for (const item of this.batches[number] ?? []) this.answers.set(item, answer(item))
  }

  #pump(): void {
    const { maxInFlight, maxWaitMs } = this.bounds
    for (;;) {
      const first = this.#waiting[0]
      if (first === undefined || this.#running.size >= maxInFlight) return
      const { count, isFull } = this.#firstBatch()
      const isOverdue = maxWaitMs !== undefined && this.#now >= first.since + maxWaitMs
      if (this.#running.size > 0 && !isFull && !isOverdue) return
      this.#running.add(this.batches.push(this.#waiting.splice(0, count).map(({ item }) => item)) - 1)
    }
  }

  #firstBatch(): { count: number; isFull: boolean } {
    const { maxItems, maxBytes } = this.bounds
    let bytes = 0
    for (const [i, { size, isLast }] of this.#waiting.entries()) {
      if (i > 0 && bytes + size > maxBytes) return { count: i, isFull: true }
      bytes += size
      if (isLast || i + 1 === maxItems || bytes >= maxBytes) return { count: i + 1, isFull: true }
    }
    return { count: this.#waiting.length, isFull: false }
  }
}

/** Makes the batcher that is checked: the real one, or one that is broken on purpose. */
type Make = (options: BatcherOptions<number, number>) => Batcher<number, number>

/** Plays steps to a batcher and to the model; throws where they differ. */
async function check(make: Make, bounds: Bounds, steps: Step[]): Promise<void> {
  const worker = new Worker()
  const model = new Model(bounds)
  const answers = new Map<number, string>()
  const sizes = new Map<number, number>()
  const batcher = make({ run: worker.run, sizeOf: (item) => sizes.get(item) ?? 0, ...bounds })
  const add = (item: number) =>
    batcher.add(item).then(
      (result) => answers.set(item, `${result}`),
      (error: RafterError) => answers.set(item, error.code ?? 'failed'),
    )
  let item = 1
  for (const step of steps) {
    model.step(step, item)
    const which = worker.underWay[step.end ?? step.fail ?? Number.NaN]
    if (which !== undefined && step.end !== undefined) worker.end(which)
    if (which !== undefined && step.fail !== undefined) worker.fail(which, new Error('on purpose'))
    if (step.flush) void batcher.flush()
    for (let left = step.pass ?? 0; left > 0; left--) vi.advanceTimersByTime(1)
    for (const size of step.add ?? []) {
      sizes.set(item, size)
      void add(item++)
    }
    await turn()
    expect(worker.batches).toEqual(model.batches)
    expect(new Map([...answers].sort(([a], [b]) => a - b))).toEqual(new Map([...model.answers].sort(([a], [b]) => a - b)))
  }
}

const property = (make: Make) => fc.asyncProperty(bounds, steps, (bounds, steps) => check(make, bounds, steps))

test('random calls agree with the model', async () => {
  await fc.assert(
    property((options) => new Batcher(options)),
    { numRuns: 1_000 },
  )
})

const broken: [string, Make][] = [
  ['a batch is too large', (options) => new Batcher({ ...options, maxItems: (options.maxItems ?? 0) + 1 })],
  ['bytes are counted wrongly', (options) => new Batcher({ ...options, maxBytes: (options.maxBytes ?? 0) + 1 })],
  ['too many run', (options) => new Batcher({ ...options, maxInFlight: (options.maxInFlight ?? 0) + 1 })],
  ['too much waits', (options) => new Batcher({ ...options, maxQueued: (options.maxQueued ?? 0) + 1 })],
  [
    'it waits too long',
    ({ maxWaitMs, ...options }) => new Batcher({ ...options, ...(maxWaitMs && { maxWaitMs: maxWaitMs + 1 }) }),
  ],
  [
    'results are turned round',
    (options) => new Batcher({ ...options, run: async (items) => (await options.run(items)).toReversed() }),
  ],
  ['items are turned round', (options) => new Batcher({ ...options, run: (items) => options.run(items.toReversed()) })],
  [
    'a failure is swallowed',
    (options) => new Batcher({ ...options, run: (items) => options.run(items).catch(() => items.map(() => 0)) }),
  ],
  [
    'an idle batcher waits',
    (options) => {
      const batcher = new Batcher(options)
      const add = batcher.add.bind(batcher)
      batcher.add = (item) => turn().then(() => add(item))
      return batcher
    },
  ],
]

test.each(broken)('the check finds that %s', async (_name, make) => {
  const { failed, errorInstance } = await fc.check(property(make), { numRuns: 1_000, endOnFailure: true })
  expect(failed).toBe(true)
  expect(errorInstance).toMatchObject({ name: 'AssertionError' })
})
