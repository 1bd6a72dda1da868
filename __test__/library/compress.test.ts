// Compression of Node: what goes in comes out, bombs and damage are errors, dictionaries and adaptive streams do what they say.
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Compressor, compressedSizeMax, Decompressor, Dictionary, originalLength, xxh3BigInt } from '../../src/library/index.js'

const ALGORITHMS = ['lz4', 'zstd', 'gzip'] as const
const text = Buffer.from('{"name": "rafterdb", "kind": "store"}\n'.repeat(500))

/** Bytes that do not compress. */
const noise = (bytes: number, seed = 0) => {
  const out = Buffer.alloc(bytes)
  for (let i = 0; i + 8 <= bytes; i += 8) out.writeBigUInt64LE(xxh3BigInt(String(i), seed), i)
  return out
}

describe.each(ALGORITHMS)('%s', (algorithm) => {
  const compressor = new Compressor({ algorithm, minBytes: 0, adaptive: false })
  const decompressor = new Decompressor()

  test('gives back what it was given', () => {
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 5_000 }),
      fc.string({ maxLength: 50 }).map((part) => Buffer.from(part.repeat(90))),
    )
    fc.assert(
      fc.property(input, (data) => {
        const compressed = compressor.compress(data)
        expect(compressed.length).toBeLessThanOrEqual(data.length + 1)
        expect(originalLength(compressed)).toBe(data.length)
        expect(Buffer.from(decompressor.decompress(compressed))).toEqual(Buffer.from(data))
      }),
    )
  })

  test('saves most of a text, and stores noise with one byte more', () => {
    expect(compressor.compress(text).length).toBeLessThan(text.length / 10)
    expect(compressor.compress(noise(8_000)).length).toBe(8_001)
  })

  test('writes to a place in a buffer, and reads from it', () => {
    const [out, back] = [Buffer.alloc(10 + compressedSizeMax(text.length)), Buffer.alloc(text.length + 5)]
    const bytes = compressor.compressTo(text, out, 10)
    expect(decompressor.decompressTo(out.subarray(10, 10 + bytes), back, 5)).toBe(text.length)
    expect(back.subarray(5)).toEqual(text)
    expect(() => decompressor.decompressTo(out.subarray(10, 10 + bytes), back, 6)).toThrow(
      expect.objectContaining({ code: 'OUTPUT_TOO_SMALL' }),
    )
  })

  test('refuses a bomb before it takes memory', () => {
    const bomb = new Compressor({ algorithm }).compress(Buffer.alloc(1 << 20))
    expect(() => new Decompressor({ bytesMax: 1_000 }).decompress(bomb)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
    const liar = Buffer.from(bomb)
    liar.writeUInt32LE(0xffff_ffff, 1)
    expect(() => new Decompressor({ bytesMax: 2 ** 40 }).decompress(liar)).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
  })

  test('survives every truncation and every turned bit', () => {
    const compressed = Buffer.from(compressor.compress(text.subarray(0, 400)))
    for (let length = 0; length < compressed.length; length++) {
      expect(() => decompressor.decompress(compressed.subarray(0, length)), `${length} bytes`).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^(TRUNCATED|CORRUPT)$/) }),
      )
    }
    for (let bit = 0; bit < compressed.length * 8; bit++) {
      const damaged = Buffer.from(compressed)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      try {
        // Only gzip has a checksum; the others may give other bytes, but no more than were declared.
        expect(decompressor.decompress(damaged).length).toBeLessThanOrEqual(64 * 2 ** 20)
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) })
      }
    }
    expect(Buffer.from(decompressor.decompress(compressed))).toEqual(text.subarray(0, 400))
  })
})

test('the payload of gzip is gzip', () => {
  const compressed = new Compressor({ algorithm: 'gzip' }).compress(text)
  expect(gunzipSync(compressed.subarray(5))).toEqual(text)
})

test('short inputs are stored, longer ones compressed', () => {
  const compressor = new Compressor({ minBytes: 100 })
  expect(compressor.compress(text.subarray(0, 99))).toHaveLength(100)
  expect(compressor.compress(text.subarray(0, 100)).length).toBeLessThan(100)
})

test('a stream that does not compress is not tried each time, and is found again when it does', () => {
  const compressor = new Compressor({ algorithm: 'zstd' })
  for (let i = 0; i < 50; i++) compressor.compress(noise(2_000, i))
  const tries = Array.from({ length: 400 }, () => compressor.compress(text).length < text.length)
  expect(tries[0]).toBe(false)
  expect(tries.at(-1)).toBe(true)
})

describe('a dictionary', () => {
  const values = Array.from(
    { length: 600 },
    (_, i) => `{"id": ${i * 7919}, "kind": "session", "state": "open", "owner": "user-${i}"}`,
  )
  const dictionary = Dictionary.train(values, 4_096)

  test.each(['lz4', 'zstd'] as const)('makes small values smaller with %s', (algorithm) => {
    const value = '{"id": 4711, "kind": "session", "state": "open", "owner": "user-9"}'
    const compressed = new Compressor({ algorithm, dictionary }).compress(value)
    expect(compressed.length).toBeLessThan(new Compressor({ algorithm, minBytes: 0 }).compress(value).length)
    const decompressor = new Decompressor({ dictionaries: [new Dictionary(dictionary.content)] })
    expect(Buffer.from(decompressor.decompress(compressed)).toString()).toBe(value)
    expect(() => new Decompressor().decompress(compressed)).toThrow(expect.objectContaining({ code: 'DICTIONARY_MISSING' }))
  })

  test('is refused by gzip, and where samples do not suffice', () => {
    expect(() => new Compressor({ algorithm: 'gzip', dictionary })).toThrow(
      expect.objectContaining({ code: 'DICTIONARY_UNSUPPORTED' }),
    )
    expect(() => Dictionary.train(['a', 'b'])).toThrow(expect.objectContaining({ code: 'DICTIONARY_INVALID' }))
    expect(() => new Dictionary(Buffer.alloc(3))).toThrow(expect.objectContaining({ code: 'DICTIONARY_INVALID' }))
  })
})

test('a level out of range says which there are', () => {
  expect(() => new Compressor({ algorithm: 'zstd', level: 40 })).toThrow(RangeError)
  expect(() => new Compressor({ algorithm: 'zstd', level: 0 })).toThrow(RangeError)
  expect(() => new Compressor({ algorithm: 'gzip', level: 12 })).toThrow(/level is out of range: .*1 to 9 for gzip/)
})
