// What a leader counts and remembers, piece by piece: rounds, sizes, windows, followers. Each at its limits.
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/limits.js'
import { Chunks } from '../../src/raft/chunks.js'
import { Log } from '../../src/raft/log.js'
import { cutIndex, heldBytesMax } from '../../src/raft/log-compaction.js'
import { CATCH_UP, PROBE, Progress, REPLICATE, SNAPSHOT } from '../../src/raft/progress.js'
import { Rounds } from '../../src/raft/rounds.js'

describe('rounds', () => {
  test('the begin of the last 64 is remembered', () => {
    const rounds = new Rounds()
    expect(rounds.current).toBe(0)
    for (let i = 1; i <= 70; i += 1) expect(rounds.begin(100 + i)).toBe(i)
    expect([70, 69, 7].map((round) => rounds.begunAt(round))).toEqual([170, 169, 107])
    expect([6, 1, 0].map((round) => rounds.begunAt(round))).toEqual([-Infinity, -Infinity, -Infinity])
    expect(() => rounds.begunAt(71)).toThrow('round has begun')
  })

  test('before the first, nothing is', () => {
    expect(new Rounds().begunAt(0)).toBe(Number.NEGATIVE_INFINITY)
  })
})

describe('chunks', () => {
  const MERGED = limits.appendBytesMax / 64
  /** Of these sizes, one entry each, none merged with its neighbour; from index 10 on. */
  const chunksOf = (...sizes: number[]) => {
    const chunks = new Chunks(10)
    for (const size of sizes) chunks.add(1, size)
    return chunks
  }
  const BIG = limits.appendBytesMax / 2

  test('nothing is known at first', () => {
    const chunks = new Chunks(10)
    expect(chunks.oldest).toBe(10)
    expect(chunks.rangeBytes).toBe(0)
    expect(() => chunks.endOfRange(10)).toThrow('range of known size')
  })

  test('small neighbours are one chunk, up to a bound', () => {
    const chunks = chunksOf(MERGED - 10, 10)
    expect([chunks.endOfRange(11), chunks.rangeBytes]).toEqual([12, MERGED])
    const divided = chunksOf(MERGED - 10, 11, limits.appendBytesMax - 11)
    expect([divided.endOfRange(10), divided.rangeBytes]).toEqual([12, MERGED + 1])
    expect([divided.endOfRange(11), divided.rangeBytes]).toEqual([13, limits.appendBytesMax])
  })

  test('a range has what fits a message, and at least one chunk', () => {
    const chunks = chunksOf(BIG, BIG, BIG, 3 * BIG, BIG)
    expect([chunks.endOfRange(10), chunks.rangeBytes]).toEqual([12, 2 * BIG])
    expect([chunks.endOfRange(11), chunks.rangeBytes]).toEqual([13, 2 * BIG])
    expect([chunks.endOfRange(12), chunks.rangeBytes]).toEqual([13, BIG])
    expect([chunks.endOfRange(13), chunks.rangeBytes]).toEqual([14, 3 * BIG])
    expect([chunks.endOfRange(14), chunks.rangeBytes]).toEqual([15, BIG])
    const over = chunksOf(BIG, BIG + 1)
    expect([over.endOfRange(10), over.rangeBytes]).toEqual([11, BIG])
  })

  test('a range that begins inside a chunk counts the whole chunk', () => {
    const chunks = new Chunks(10)
    chunks.add(5, BIG)
    chunks.add(5, BIG)
    expect([chunks.endOfRange(12), chunks.rangeBytes]).toEqual([20, 2 * BIG])
    expect([chunks.endOfRange(15), chunks.rangeBytes]).toEqual([20, BIG])
    expect([chunks.endOfRange(19), chunks.rangeBytes]).toEqual([20, BIG])
    expect(() => chunks.endOfRange(20)).toThrow('range of known size')
    expect(() => chunks.endOfRange(9)).toThrow('range of known size')
  })

  test('the newest 4096 are remembered', () => {
    const chunks = new Chunks(1)
    for (let i = 0; i < 4096; i += 1) chunks.add(1, MERGED)
    expect(chunks.oldest).toBe(1)
    for (let i = 0; i < 100; i += 1) chunks.add(1, MERGED)
    expect(chunks.oldest).toBe(101)
    expect([chunks.endOfRange(101), chunks.rangeBytes]).toEqual([165, limits.appendBytesMax])
    expect([chunks.endOfRange(4196), chunks.rangeBytes]).toEqual([4197, MERGED])
    expect([chunks.endOfRange(4090), chunks.endOfRange(4097)]).toEqual([4154, 4161])
    chunks.add(1, 1)
    expect(chunks.oldest).toBe(102)
    chunks.add(1, 1)
    expect(chunks.oldest).toBe(102)
  })
})

describe('progress', () => {
  test('what is matched only grows, and remembers the round', () => {
    const progress = new Progress(2, 10, 5)
    expect([progress.state, progress.match, progress.next, progress.heardAt, progress.waiting]).toEqual([PROBE, 0, 10, 5, false])
    progress.advance(4, 3, 0)
    expect([progress.match, progress.matchRound, progress.next]).toEqual([4, 3, 10])
    progress.advance(4, 7, 0)
    expect([progress.match, progress.matchRound]).toEqual([4, 3])
    progress.advance(2, 8, 0)
    expect([progress.match, progress.matchRound]).toEqual([4, 3])
    progress.advance(12, 9, 0)
    expect([progress.match, progress.matchRound, progress.next]).toEqual([12, 9, 13])
  })

  test('what is matched is out of the window, and what is begun anew is too', () => {
    const progress = new Progress(2, 10, 5)
    const fill = () => progress.window.add(20, 1, 0)
    fill()
    progress.advance(19, 1, 0)
    expect(progress.window.size).toBe(0)
    fill()
    progress.wait(7)
    progress.resume(21, 21)
    expect([progress.state, progress.next, progress.waiting, progress.window.size]).toEqual([REPLICATE, 21, false, 0])
    progress.resume(22, 23)
    expect([progress.state, progress.next]).toEqual([CATCH_UP, 22])
    fill()
    progress.wait(8)
    expect([progress.waiting, progress.waitingSince]).toEqual([true, 8])
    progress.probe(20)
    expect([progress.state, progress.next, progress.waiting, progress.window.size]).toEqual([PROBE, 20, false, 0])
    fill()
    progress.snapshotSent = true
    progress.sendSnapshot(30, 9)
    expect([progress.state, progress.snapshotSent, progress.waitingSince, progress.window.size]).toEqual([SNAPSHOT, false, 9, 0])
    expect(() => progress.probe(19)).toThrow('match < next')
    expect(() => progress.resume(19, 1)).toThrow('match < next')
  })

  test('what a snapshot on its way holds counts as had, until the follower replicates', () => {
    const progress = new Progress(2, 10, 5)
    progress.advance(7, 1, 0)
    expect([progress.has, progress.restoring]).toEqual([7, false])
    progress.sendSnapshot(30, 9)
    expect([progress.has, progress.restoring, progress.next]).toEqual([30, true, 10])
    progress.probe(10)
    expect([progress.has, progress.restoring]).toEqual([7, true])
    progress.sendSnapshot(30, 9)
    progress.handedOver(35, 12)
    expect([progress.has, progress.snapshotSent, progress.waitingSince, progress.next]).toEqual([35, true, 12, 36])
    progress.handedOver(20, 13)
    expect([progress.has, progress.next]).toEqual([35, 36])
    progress.advance(40, 2, 0)
    expect(progress.has).toBe(40)
    progress.probe(41)
    expect([progress.has, progress.restoring]).toEqual([40, true])
    progress.resume(41, 50)
    expect(progress.restoring).toBe(true)
    progress.resume(50, 50)
    expect(progress.restoring).toBe(false)
  })

  test('entries of unknown sizes are under way from when the plane says so, unless they were answered first', () => {
    const progress = new Progress(2, 10, 5)
    const begin = () => {
      progress.sendSnapshot(5, 6)
      progress.resume(progress.next, 40)
      progress.wait(7)
    }
    begin()
    progress.sent(14, 100, 40, 0)
    expect([progress.next, progress.window.size, progress.waiting, progress.state]).toEqual([14, 1, false, CATCH_UP])
    progress.advance(13, 1, 0)
    begin()
    progress.sent(14, 100, 40, 0)
    expect([progress.next, progress.window.size]).toEqual([14, 0])
    progress.advance(19, 2, 0)
    progress.sent(17, 100, 40, 0)
    expect([progress.next, progress.window.size, progress.restoring]).toEqual([20, 0, true])
    progress.sent(40, 100, 40, 0)
    expect([progress.next, progress.state, progress.restoring]).toEqual([40, REPLICATE, false])
  })

  test('a follower that forgot everything has nothing, and has promised nothing', () => {
    const progress = new Progress(2, 10, 5)
    progress.advance(12, 1, 0)
    progress.resume(13, 1)
    progress.promisedUntil = 100
    progress.forget(99, 4)
    expect([progress.nonce, progress.bornRound, progress.match, progress.next, progress.state]).toEqual([99, 4, 0, 13, PROBE])
    expect(progress.promisedUntil).toBe(Number.NEGATIVE_INFINITY)
  })
})

describe('the end of the log that is kept', () => {
  /** A log after `base`, up to `last`. */
  const logOf = (base: number, last: number) => {
    const log = new Log()
    log.reset(base, 1)
    log.append(1, last - base)
    return log
  }

  const NOBODY = Number.POSITIVE_INFINITY
  const MIB = 2 ** 20

  test('what is more than is kept goes, if the store has it', () => {
    expect(cutIndex(logOf(10, 110), 1_000, 1_000, 400, NOBODY)).toBe(70)
    expect(cutIndex(logOf(10, 110), 50, 1_000, 400, NOBODY)).toBe(50)
    expect(cutIndex(logOf(10, 110), 5, 1_000, 400, NOBODY)).toBe(10)
    expect(cutIndex(logOf(10, 20), 1_000, 30, 10, NOBODY)).toBe(16)
    expect(cutIndex(logOf(10, 20), 1_000, 30, 0, NOBODY)).toBe(20)
  })

  test('an entry behind which much log of other groups came goes too, if it is the last one', () => {
    expect(cutIndex(logOf(0, 1), 1, 1_000, 400, NOBODY)).toBe(1)
    expect(cutIndex(logOf(10, 12), 1_000, 1_000, 999, NOBODY)).toBe(11)
  })

  test('what is not more stays', () => {
    expect(cutIndex(logOf(10, 110), 1_000, 400, 400, NOBODY)).toBe(10)
    expect(cutIndex(logOf(10, 110), 1_000, 300, 400, NOBODY)).toBe(10)
    expect(cutIndex(logOf(10, 110), 1_000, 0, 0, NOBODY)).toBe(10)
  })

  test('what followers need stays, up to a bound', () => {
    expect(cutIndex(logOf(10, 110), 1_000, 1_000, 400, 40)).toBe(40)
    expect(cutIndex(logOf(10, 110), 1_000, 1_000, 400, 90)).toBe(70)
    expect(cutIndex(logOf(10, 110), 1_000, 1_000, 400, 5)).toBe(10)
    // 64 MiB at least, or eight times what is kept.
    expect([heldBytesMax(0), heldBytesMax(8 * MIB), heldBytesMax(9 * MIB)]).toEqual([64 * MIB, 64 * MIB, 72 * MIB])
    expect(cutIndex(logOf(10, 110), 1_000, 128 * MIB, 400, 40)).toBe(60)
    expect(cutIndex(logOf(10, 110), 1_000, 64 * MIB, 400, 40)).toBe(40)
  })
})
