// How much may be under way to a follower: bounds, and what the way itself says of how much it carries.
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/limits.js'
import { WINDOW_BYTES_MIN, Window } from '../../src/raft/window.js'

const QUEUED_MS_MAX = 100
const SHORTEST_FOR_MS = 10_000

describe('bounds', () => {
  test('it is full with so many messages', () => {
    const window = new Window()
    for (let i = 0; i < limits.inflightMessagesMax; i += 1) {
      expect(window.full).toBe(false)
      window.add(10 + i, 1, 0)
    }
    expect([window.full, window.size, window.bytes]).toEqual([true, limits.inflightMessagesMax, limits.inflightMessagesMax])
    expect(() => window.add(100, 1, 0)).toThrow('window not full')
    window.release(8, 0)
    expect(window.size).toBe(limits.inflightMessagesMax)
    window.release(9, 0)
    expect(window.size).toBe(limits.inflightMessagesMax - 1)
    window.add(200, 5, 0)
    window.release(198, 0)
    expect([window.size, window.bytes]).toEqual([1, 5])
    window.release(199, 0)
    expect([window.size, window.bytes]).toEqual([0, 0])
    window.release(1_000, 0)
    expect([window.size, window.bytes]).toEqual([0, 0])
  })

  test('it is full with so many bytes', () => {
    const window = new Window()
    window.add(2, WINDOW_BYTES_MIN - 1, 0)
    expect(window.full).toBe(false)
    window.add(3, 1, 0)
    expect(window.full).toBe(true)
    window.release(1, QUEUED_MS_MAX * 9)
    expect([window.full, window.bytes, window.size]).toEqual([false, 1, 1])
    window.clear()
    expect([window.full, window.bytes, window.size]).toEqual([false, 0, 0])
  })
})

/** Fills the window with messages of a quarter of the least, sent at `now`; the index behind them. */
function fill(window: Window, from: number, now: number): number {
  let end = from
  while (!window.full) window.add(++end, WINDOW_BYTES_MIN / 4, now)
  return end
}

/** Round trips of `took` ms with a full window, from `now` on; what the window is after each, in the least that it may be. */
function rounds(window: Window, count: number, took: number, now: number): number[] {
  return Array.from({ length: count }, (_, round) => {
    const sentAt = now + round * took
    window.release(fill(window, 0, sentAt) - 1, sentAt + took)
    return window.bytesMax / WINDOW_BYTES_MIN
  })
}

describe('what the way carries', () => {
  test('it doubles with each round trip that nothing is queued in, up to the most', () => {
    expect(limits.inflightBytesMax / WINDOW_BYTES_MIN).toBe(4)
    expect(rounds(new Window(), 4, 20, 0)).toEqual([2, 4, 4, 4])
  })

  test('it grows only where it was too small', () => {
    const window = new Window()
    window.add(2, WINDOW_BYTES_MIN - 1, 0)
    window.release(1, 20)
    expect(window.bytesMax).toBe(WINDOW_BYTES_MIN)
  })

  test('it is halved, down to the least, while round trips are longer than twice the shortest and the time of a sync', () => {
    const window = new Window()
    rounds(window, 3, 20, 0)
    const longest = 2 * 20 + QUEUED_MS_MAX
    expect(rounds(window, 1, longest, 100)).toEqual([4])
    expect(rounds(window, 4, longest + 1, 300)).toEqual([2, 1, 1, 1])
    expect(rounds(window, 1, 20, 2_000), 'and grows again').toEqual([2])
  })

  test('it is halved once for all that was sent before it was', () => {
    const window = new Window()
    rounds(window, 3, 1, 0)
    window.add(2, 1, 10)
    window.add(3, 1, 11)
    window.add(4, 1, 12)
    window.release(1, 10 + QUEUED_MS_MAX * 2)
    window.release(2, 11 + QUEUED_MS_MAX * 2)
    expect(window.bytesMax / WINDOW_BYTES_MIN).toBe(2)
    window.release(3, 12 + QUEUED_MS_MAX * 2)
    expect(window.bytesMax / WINDOW_BYTES_MIN).toBe(2)
    window.add(5, 1, 10 + QUEUED_MS_MAX * 2)
    window.release(4, 20 + QUEUED_MS_MAX * 4)
    expect(window.bytesMax / WINDOW_BYTES_MIN).toBe(1)
  })

  test('a way that has become longer is believed after a while', () => {
    const window = new Window()
    rounds(window, 1, 1, 0)
    const took = 5 * QUEUED_MS_MAX
    window.add(2, 1, SHORTEST_FOR_MS - took + 1)
    window.release(1, SHORTEST_FOR_MS + 1)
    expect(window.bytesMax / WINDOW_BYTES_MIN, 'not yet').toBe(1)
    expect(rounds(window, 2, took, SHORTEST_FOR_MS + 2 - took)).toEqual([2, 4])
  })

  test('as short a round trip as the shortest is believed anew', () => {
    const window = new Window()
    rounds(window, 1, 1, 0)
    window.add(2, 1, 5_000)
    window.release(1, 5_001)
    rounds(window, 1, 1, SHORTEST_FOR_MS - 10)
    expect(rounds(window, 1, 5 * QUEUED_MS_MAX, SHORTEST_FOR_MS + 10)).toEqual([2])
  })

  test('what is begun anew begins with little', () => {
    const window = new Window()
    rounds(window, 3, 1, 0)
    window.clear()
    expect(window.bytesMax).toBe(WINDOW_BYTES_MIN)
  })
})
