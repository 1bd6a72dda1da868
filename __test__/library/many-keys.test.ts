// Many keys in one call give what one call a key gives; what does not fit is refused before anything is written.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c, crc32cMany, hashMany, packKeys, xxh3, xxh3BigInt, xxh3Words } from '../../src/library/index.js'

const keysOf = fc.array(fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.uint8Array({ maxLength: 300 })), {
  maxLength: 60,
})

test('packed keys are the keys, strings as UTF-8', () => {
  fc.assert(
    fc.property(keysOf, (keys) => {
      const { buffer, offsets } = packKeys(keys)
      expect(offsets).toHaveLength(keys.length + 1)
      expect(offsets[0]).toBe(0)
      expect(buffer).toHaveLength(offsets.at(-1) as number)
      keys.forEach((key, i) => {
        expect(Buffer.from(buffer.subarray(offsets[i], offsets[i + 1]))).toEqual(Buffer.from(key as string))
      })
    }),
  )
})

test('a key that is no string and no bytes is a TypeError that names it', () => {
  for (const bad of [5, null, undefined, {}, [1]]) {
    expect(() => packKeys(['a', bad as never])).toThrow(/^key 1 must be a string or Uint8Array/)
  }
})

test('hashMany and crc32cMany give what the single calls give', () => {
  fc.assert(
    fc.property(keysOf, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (keys, seed) => {
      const { buffer, offsets } = packKeys(keys)
      const [numbers, wholes] = [new Float64Array(keys.length), new BigUint64Array(keys.length)]
      const [words, crcs, two] = [new Uint32Array(2 * keys.length), new Uint32Array(keys.length), new Uint32Array(2)]
      hashMany(buffer, offsets, numbers, seed)
      hashMany(buffer, offsets, wholes, seed)
      hashMany(buffer, offsets, words, seed)
      crc32cMany(buffer, offsets, crcs)
      keys.forEach((key, i) => {
        xxh3Words(key, two, seed)
        expect(numbers[i]).toBe(xxh3(key, seed))
        expect(wholes[i]).toBe(xxh3BigInt(key, seed))
        expect(words.subarray(2 * i, 2 * i + 2)).toEqual(two)
        expect(crcs[i]).toBe(crc32c(key))
      })
    }),
  )
})

describe.each([
  ['hashMany', (buffer: Uint8Array, offsets: Uint32Array, out: Uint32Array) => hashMany(buffer, offsets, out), 2],
  ['crc32cMany', crc32cMany, 1],
])('%s', (_, many, places) => {
  const { buffer, offsets } = packKeys(['one', 'two', 'three'])

  test.each([
    ['an offset behind the buffer', Uint32Array.of(0, 3, 6, 12), 3, /offsets\[3\] is 12, but the buffer has 11 bytes/],
    ['an offset that falls', Uint32Array.of(0, 6, 3, 11), 3, /offsets\[2\] is 3, less than the offset before it, 6/],
    ['no offsets', new Uint32Array(0), 0, /no offsets/],
    ['too few places', offsets, 2, /places/],
    ['too many places', offsets, 4, /places/],
  ])('refuses %s and writes nothing', (_, given, keys, message) => {
    const out = new Uint32Array(keys * places).fill(7)
    expect(() => many(buffer, given, out)).toThrow(RangeError)
    expect(() => many(buffer, given, out)).toThrow(message)
    expect(out.every((word) => word === 7)).toBe(true)
  })

  test('refuses results in the memory of the keys', () => {
    const memory = new ArrayBuffer(64)
    const overlapping = new Uint32Array(memory, 8, 3 * places)
    expect(() => many(new Uint8Array(memory, 0, 11), offsets, overlapping)).toThrow(/out lies in the memory that is read/)
    expect(() => many(buffer, new Uint32Array(memory, 0, 4).fill(0), new Uint32Array(memory, 4, 3 * places))).toThrow(
      /out lies in/,
    )
    const beside = new Uint32Array(memory, 12, 3 * places)
    many(new Uint8Array(memory, 0, 11), offsets, beside)
    expect(beside.some((word) => word !== 0)).toBe(true)
  })
})
