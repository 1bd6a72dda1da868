// The hashes of Node are those that are published, in every form, for every kind of input.
import { describe, expect, test } from 'vitest'
import {
  crc32c,
  crc32cCombine,
  hashPath,
  Xxh3,
  xxh3,
  xxh3BigInt,
  xxh3Words,
  xxh128BigInt,
  xxh128Hex,
  xxh128Words,
} from '../../src/library/index.js'

const PRIME64 = 11400714785074694797n

/** The buffer of the xxHash project's sanity checks. */
function sanityBuffer(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  let generator = 2654435761n
  for (let i = 0; i < bytes; i++) {
    buffer[i] = Number(generator >> 56n)
    generator = BigInt.asUintN(64, generator * PRIME64)
  }
  return buffer
}

const buffer = sanityBuffer(2_400)

test.each([
  [0, 0n, 0x2d06800538d394c2n],
  [1, 0n, 0xc44bdff4074eecdbn],
  [12, 0n, 0xa713daf0dfbb77e7n],
  [80, 0n, 0xbcdefbbb2c47c90an],
  [195, 0n, 0xcd94217ee362ec3an],
  [403, 0n, 0xcdeb804d65c6dea4n],
  [2_367, 0n, 0xcb37aeb9e5d361edn],
  [0, PRIME64, 0xa8a6b918b2f0364an],
])('XXH3 of the first %i bytes with seed %i is the published one', (bytes, seed, hash) => {
  expect(xxh3BigInt(buffer.subarray(0, bytes), seed)).toBe(hash)
})

test('CRC-32C is that of RFC 3720', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
  expect(crc32c('123456789')).toBe(0xe3069283)
})

describe.each([0, 1, 5, 16, 100, 240, 241, 1_000, 2_400])('of %i bytes', (length) => {
  const data = buffer.subarray(0, length)
  const seed = 0x1234_5678_9abc_def0n

  test('all forms of XXH3 are the same hash', () => {
    const hash = xxh3BigInt(data, seed)
    const words = new Uint32Array(2)
    xxh3Words(data, words, seed)
    expect(BigInt(xxh3(data, seed))).toBe(hash >> 11n)
    expect((BigInt(words[1] as number) << 32n) | BigInt(words[0] as number)).toBe(hash)
    expect(Number.isSafeInteger(xxh3(data, seed))).toBe(true)
  })

  test('all forms of the 128-bit XXH3 are the same hash', () => {
    const hash = xxh128BigInt(data, seed)
    const words = new Uint32Array(4)
    xxh128Words(data, words, seed)
    expect(BigInt(`0x${xxh128Hex(data, seed)}`)).toBe(hash)
    expect(words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n)).toBe(hash)
  })

  test('pieces hash as the whole, whatever they are', () => {
    for (const piece of [1, 7, 64, 255, 1_024]) {
      const hasher = new Xxh3(seed)
      let crc = 0
      for (let at = 0; at < length; at += piece) {
        hasher.update(data.subarray(at, at + piece))
        crc = crc32c(data.subarray(at, at + piece), crc)
      }
      expect(hasher.digestBigInt()).toBe(xxh3BigInt(data, seed))
      expect(hasher.digest()).toBe(xxh3(data, seed))
      expect(hasher.digest128Hex()).toBe(xxh128Hex(data, seed))
      expect(hasher.digest128BigInt()).toBe(xxh128BigInt(data, seed))
      expect(crc).toBe(crc32c(data))
      expect(hasher.reset().update('a').digest()).toBe(xxh3('a', seed))
    }
  })

  test('a checksum of two parts is that of the whole', () => {
    const [left, right] = [data.subarray(0, length / 3), data.subarray(length / 3)]
    expect(crc32cCombine(crc32c(left), crc32c(right), right.length)).toBe(crc32c(data))
  })
})

test('a string counts as its UTF-8, half a surrogate pair as the replacement character', () => {
  for (const text of [
    '',
    'a',
    'grüße',
    '€',
    '🦀'.repeat(300),
    'x'.repeat(1_019),
    '€'.repeat(341),
    'y'.repeat(5_000),
    'a\ud800b',
    'a\0b',
  ]) {
    const bytes = Buffer.from(text)
    expect(xxh3BigInt(text)).toBe(xxh3BigInt(bytes))
    expect(xxh128Hex(text)).toBe(xxh128Hex(bytes))
    expect(crc32c(text)).toBe(crc32c(bytes))
  }
})

test('strings around the length that fits the stack hash as their bytes', () => {
  for (let length = 1_010; length < 1_035; length++) {
    for (const character of ['a', 'ü', '€', '🦀']) {
      const text = 'b'.repeat(length) + character
      expect(xxh3BigInt(text), `${length} ${character}`).toBe(xxh3BigInt(Buffer.from(text)))
    }
  }
})

test('every kind of view counts as its bytes', () => {
  const memory = Uint8Array.from({ length: 64 }, (_, i) => i * 37).buffer
  const bytes = xxh3(new Uint8Array(memory, 8, 48))
  for (const Kind of [
    Int8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
  ]) {
    expect(xxh3(new Kind(memory, 8, 48 / Kind.BYTES_PER_ELEMENT))).toBe(bytes)
  }
  expect(xxh3(new BigInt64Array(memory, 8, 6))).toBe(bytes)
  expect(xxh3(new BigUint64Array(memory, 8, 6))).toBe(bytes)
  expect(xxh3(new DataView(memory, 8, 48))).toBe(bytes)
  expect(xxh3(Buffer.from(memory, 8, 48))).toBe(bytes)
})

test('a seed is a number or a bigint', () => {
  expect(xxh3('a', 7)).toBe(xxh3('a', 7n))
  expect(xxh3('a', undefined)).toBe(xxh3('a', 0n))
  expect(xxh3('a', Number.MAX_SAFE_INTEGER)).toBe(xxh3('a', 2n ** 53n - 1n))
  expect(xxh3BigInt('a', 2n ** 64n - 1n)).not.toBe(xxh3BigInt('a', 0))
})

test('the path is one that there is', () => {
  expect(['scalar', 'sse', 'avx2', 'avx512', 'neon']).toContain(hashPath())
})
