// Which items go together and when, what each call of `add` is answered, and what is refused.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RafterError } from '../../src/errors.js'
import { Batcher, type BatcherOptions } from '../../src/library/batcher.js'
import { turn, Worker } from './batch-worker.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** A batcher whose batches end when the test says so. */
function set(options: Partial<BatcherOptions<number, number>> = {}): { batcher: Batcher<number, number>; worker: Worker } {
  const worker = new Worker()
  return { batcher: new Batcher({ run: worker.run, ...options }), worker }
}

const refusal = (code: string, message: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(message) })

test('while nothing is under way, the items of a turn go together at its end', async () => {
  const { batcher, worker } = set()
  const first = batcher.add(1)
  queueMicrotask(() => void batcher.add(2))
  void Promise.resolve()
    .then(() => {})
    .then(() => batcher.add(3))
  expect(worker.batches).toEqual([])
  await turn()
  expect(worker.batches).toEqual([[1, 2, 3]])
  expect(vi.getTimerCount()).toBe(0)
  worker.end(0)
  expect(await first).toBe(10)
})

test('while a batch is under way, items gather until it ends, with those that its answers lead to', async () => {
  const { batcher, worker } = set()
  const chain = batcher.add(1).then(() => batcher.add(9))
  await turn()
  for (const item of [2, 3]) {
    void batcher.add(item)
    await turn()
  }
  vi.advanceTimersByTime(60_000)
  await turn()
  expect(worker.batches).toEqual([[1]])
  expect([batcher.queued, batcher.inFlight]).toEqual([2, 1])
  worker.end(0)
  await turn()
  expect(worker.batches).toEqual([[1], [2, 3, 9]])
  worker.end(1)
  expect(await chain).toBe(90)
  await turn()
  expect([batcher.queued, batcher.inFlight, vi.getTimerCount()]).toEqual([0, 0, 0])
})

test('batches hold at most maxItems and maxBytes; an item larger than maxBytes goes alone', async () => {
  const { batcher, worker } = set({ maxItems: 3, maxBytes: 10, sizeOf: (item) => item, maxInFlight: 9 })
  for (const item of [1, 2, 3, 4, 8, 50, 5, 5, 1]) void batcher.add(item)
  await turn()
  expect(worker.batches).toEqual([[1, 2, 3], [4], [8], [50], [5, 5]])
  worker.endAll()
  await turn()
  expect(worker.batches.at(-1)).toEqual([1])
})

test('beside a batch under way, another goes when it is full', async () => {
  const { batcher, worker } = set({ maxItems: 2, maxInFlight: 2 })
  for (const item of [1, 2, 3]) {
    void batcher.add(item)
    await turn()
  }
  expect(worker.batches).toEqual([[1], [2, 3]])
  for (const item of [4, 5, 6]) void batcher.add(item)
  await turn()
  expect(worker.batches).toHaveLength(2)
  worker.end(0)
  await turn()
  expect(worker.batches).toEqual([[1], [2, 3], [4, 5]])
})

test('beside a batch under way, another goes when it has waited for maxWaitMs', async () => {
  const { batcher, worker } = set({ maxWaitMs: 20, maxInFlight: 2 })
  void batcher.add(1)
  await turn()
  expect(vi.getTimerCount(), 'nothing waits').toBe(0)
  void batcher.add(2)
  await turn()
  vi.advanceTimersByTime(15)
  void batcher.add(3)
  await turn()
  vi.advanceTimersByTime(4)
  await turn()
  expect(worker.batches).toEqual([[1]])
  vi.advanceTimersByTime(1)
  await turn()
  expect(worker.batches).toEqual([[1], [2, 3]])
  void batcher.add(4)
  await turn()
  expect(vi.getTimerCount(), 'no more may be under way').toBe(0)
  worker.endAll()
  await turn()
  worker.endAll()
  await turn()
  expect(worker.batches).toEqual([[1], [2, 3], [4]])
  expect(vi.getTimerCount()).toBe(0)
})

test('a timer does not keep the process alive', async () => {
  const { batcher } = set({ maxWaitMs: 20, maxInFlight: 2 })
  const timers = vi.spyOn(globalThis, 'setTimeout')
  for (const item of [1, 2]) {
    void batcher.add(item)
    await turn()
  }
  expect(timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false])
})

test('a timer goes with the batch that it is for', async () => {
  const { batcher, worker } = set({ maxWaitMs: 20, maxInFlight: 2 })
  for (const item of [1, 2]) {
    void batcher.add(item)
    await turn()
  }
  expect(vi.getTimerCount()).toBe(1)
  worker.end(0)
  await turn()
  expect([worker.batches, vi.getTimerCount()]).toEqual([[[1], [2]], 0])
})

test('what run throws rejects the items of its batch and no others', async () => {
  const { batcher, worker } = set()
  const first = Promise.allSettled([batcher.add(1), batcher.add(2)])
  await turn()
  const second = batcher.add(3)
  const failure = new Error('the disk is gone')
  worker.fail(0, failure)
  expect(await first).toEqual([
    { status: 'rejected', reason: failure },
    { status: 'rejected', reason: failure },
  ])
  await turn()
  worker.end(1)
  expect(await second).toBe(30)
})

test('what run throws before it returns a promise is no different', async () => {
  const batcher = new Batcher<number, number>({
    run: () => {
      throw new Error('at once')
    },
  })
  await expect(batcher.add(1)).rejects.toThrow('at once')
  await expect(batcher.add(2)).rejects.toThrow('at once')
})

test('a result that is an error rejects its item alone', async () => {
  const batcher = new Batcher({
    run: async (items: number[]) => items.map((item) => (item === 2 ? new RangeError('two') : item)),
  })
  const settled = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)))
  expect(settled).toEqual([
    { status: 'fulfilled', value: 1 },
    { status: 'rejected', reason: new RangeError('two') },
    { status: 'fulfilled', value: 3 },
  ])
})

test.each([
  ['too few', [1], /1 results for 2 items/],
  ['too many', [1, 2, 3], /3 results for 2 items/],
  ['none', undefined, /no results for 2 items.*an array/],
])('%s results reject the batch with the numbers', async (_name, results, message) => {
  const batcher = new Batcher<number, number>({ run: async () => results as number[] })
  const settled = await Promise.allSettled([batcher.add(1), batcher.add(2)])
  for (const one of settled) expect(one).toEqual({ status: 'rejected', reason: refusal('INVALID_ARGUMENT', message) })
})

test('run may empty the array it is given', async () => {
  const batcher = new Batcher({ run: async (items: number[]) => items.splice(0).map((item) => item * 2) })
  expect(await Promise.all([batcher.add(1), batcher.add(2)])).toEqual([2, 4])
})

test('with maxQueued items waiting the next is refused with BUSY, and there is room when a batch went', async () => {
  const { batcher, worker } = set({ maxQueued: 2 })
  void batcher.add(1)
  await turn()
  for (const item of [2, 3]) void batcher.add(item)
  const refused = batcher.add(4)
  await expect(refused).rejects.toBeInstanceOf(RafterError)
  await expect(refused).rejects.toEqual(refusal('BUSY', /2 items wait already \(maxQueued\)/))
  worker.end(0)
  await turn()
  void batcher.add(5)
  worker.end(1)
  await turn()
  expect(worker.batches).toEqual([[1], [2, 3], [5]])
})

test('flush has what waits go, in its order, and resolves when it is settled, failed or not', async () => {
  const { batcher, worker } = set({ maxInFlight: 2 })
  const settled: string[] = []
  void batcher.add(1).then(() => settled.push('one'))
  await turn()
  batcher.add(2).catch(() => settled.push('two'))
  let isFlushed = false
  const flushed = batcher.flush().then(() => {
    isFlushed = true
  })
  expect(worker.batches, 'not gathering any more').toEqual([[1], [2]])
  void batcher.add(3)
  worker.end(0)
  await turn()
  expect([settled, isFlushed]).toEqual([['one'], false])
  worker.fail(1, new Error('two'))
  await flushed
  expect(settled).toEqual(['one', 'two'])
  await turn()
  expect(worker.batches).toEqual([[1], [2], [3]])
})

test('flush keeps to maxInFlight, and without items resolves at once', async () => {
  const { batcher, worker } = set()
  await batcher.flush()
  void batcher.add(1)
  await turn()
  void batcher.add(2)
  const flushed = batcher.flush()
  void batcher.add(3)
  expect(worker.batches).toEqual([[1]])
  worker.end(0)
  await turn()
  expect(worker.batches, 'the flushed batch took no more items').toEqual([[1], [2]])
  worker.end(1)
  await flushed
})

test('close settles what was added and refuses what comes later', async () => {
  const { batcher, worker } = set({ maxItems: 1 })
  const answers = Promise.all([batcher.add(1), batcher.add(2)])
  const closed = batcher.close()
  expect(batcher.close()).toBe(closed)
  await expect(batcher.add(3)).rejects.toEqual(refusal('CLOSED', /closed/))
  worker.end(0)
  await turn()
  worker.end(1)
  await closed
  expect(await answers).toEqual([10, 20])
  expect(worker.batches).toEqual([[1], [2]])
})

test('await using closes it', async () => {
  const done: number[] = []
  {
    await using batcher = new Batcher({ run: async (items: number[]) => items.map((item) => done.push(item)) })
    void batcher.add(7)
  }
  expect(done).toEqual([7])
})

test('run may add items itself', async () => {
  const seen: number[][] = []
  const batcher: Batcher<number, number> = new Batcher({
    run: async (items: number[]) => {
      seen.push(items)
      if (items[0] === 1) void batcher.add(2)
      return items
    },
  })
  await batcher.add(1)
  await batcher.flush()
  expect(seen).toEqual([[1], [2]])
})

test.each([
  [undefined, /takes an object/],
  [{}, /run is missing/],
  [{ run: async () => [], maxItmes: 3 }, /no option maxItmes; it has run, maxItems/],
  [{ run: async () => [], maxItems: 0 }, /maxItems is a whole number, 1 or more; got 0/],
  [{ run: async () => [], maxItems: '5' }, /maxItems is a whole number/],
  [{ run: async () => [], maxInFlight: 1.5 }, /maxInFlight is a whole number/],
  [{ run: async () => [], maxQueued: -1 }, /maxQueued is a whole number/],
  [{ run: async () => [], maxBytes: 10 }, /maxBytes needs sizeOf/],
  [{ run: async () => [], maxBytes: Number.NaN, sizeOf: () => 1 }, /maxBytes is a whole number/],
  [{ run: async () => [], sizeOf: 3 }, /sizeOf is a function/],
  [{ run: async () => [], maxWaitMs: -1, maxInFlight: 2 }, /maxWaitMs is a number of milliseconds from 0/],
  [{ run: async () => [], maxWaitMs: 2 ** 31, maxInFlight: 2 }, /maxWaitMs is a number of milliseconds/],
  [{ run: async () => [], maxWaitMs: 5 }, /maxWaitMs needs maxInFlight of 2 or more/],
])('options %j are refused', (options, message) => {
  expect(() => new Batcher(options as unknown as BatcherOptions<number, number>)).toThrow(
    refusal('INVALID_ARGUMENT', message) as unknown as Error,
  )
})

test.each([[Number.NaN], [-1], ['12']])('a size of %s is refused, and the batcher goes on', async (bytes) => {
  const batcher = new Batcher({
    run: async (items: number[]) => items,
    maxBytes: 10,
    sizeOf: (item) => (item === 1 ? (bytes as number) : 1),
  })
  await expect(batcher.add(1)).rejects.toEqual(refusal('INVALID_ARGUMENT', /sizeOf returns a number of bytes/))
  expect(await batcher.add(2)).toBe(2)
  expect(batcher.queued).toBe(0)
})
