// Whatever is passed, a call of the native library throws a TypeError or RangeError that says what is wrong: it never crashes,
// and never takes memory that is shared or gone.
import { describe, expect, test } from 'vitest'
import * as library from '../../src/library/index.js'

const { Compressor, Decompressor, Dictionary, entry, FrameDecoder, frame, packKeys, Ring, Xxh3 } = library

/** A typed array whose memory was transferred. */
function detached<T extends { buffer: ArrayBufferLike }>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] })
  return array
}

const shared = (bytes: number) => new SharedArrayBuffer(bytes)
const { buffer, offsets } = packKeys(['a', 'bc'])
const ring = new Ring(['a', 'b', 'c'])
const compressor = new Compressor()
const decompressor = new Decompressor()
const stored = compressor.compress('abc')

/** One call a function, with an argument at each place that takes memory: `bytes` may be a string, `array` may not. */
const calls: Record<string, { bytes?: (data: never) => unknown; arrays?: Record<string, (data: never) => unknown> }> = {
  xxh3: { bytes: (data) => library.xxh3(data) },
  xxh3BigInt: { bytes: (data) => library.xxh3BigInt(data) },
  xxh3Words: {
    bytes: (data) => library.xxh3Words(data, new Uint32Array(2)),
    arrays: { out: (out) => library.xxh3Words('a', out) },
  },
  xxh128Words: {
    bytes: (data) => library.xxh128Words(data, new Uint32Array(4)),
    arrays: { out: (out) => library.xxh128Words('a', out) },
  },
  xxh128BigInt: { bytes: (data) => library.xxh128BigInt(data) },
  xxh128Hex: { bytes: (data) => library.xxh128Hex(data) },
  hashMany: {
    arrays: {
      buffer: (data) => library.hashMany(data, offsets, new Float64Array(2)),
      offsets: (data) => library.hashMany(buffer, data, new Float64Array(2)),
      out: (out) => library.hashMany(buffer, offsets, out),
    },
  },
  'Xxh3.update': { bytes: (data) => new Xxh3().update(data) },
  crc32c: { bytes: (data) => library.crc32c(data) },
  crc32cMany: {
    arrays: {
      buffer: (data) => library.crc32cMany(data, offsets, new Uint32Array(2)),
      offsets: (data) => library.crc32cMany(buffer, data, new Uint32Array(2)),
      out: (out) => library.crc32cMany(buffer, offsets, out),
    },
  },
  'Ring.lookup': { bytes: (key) => ring.lookup(key) },
  'Ring.lookupIndex': { bytes: (key) => ring.lookupIndex(key) },
  'Ring.replicas': { bytes: (key) => ring.replicas(key, 2) },
  'Ring.lookupMany': {
    arrays: {
      buffer: (data) => ring.lookupMany({ buffer: data, offsets }),
      offsets: (data) => ring.lookupMany({ buffer, offsets: data }),
      // Left out, it is made.
      out: (out) => ring.lookupMany({ buffer, offsets }, out === undefined ? (null as never) : out),
    },
  },
  'frame.header': { arrays: { body: (body) => frame.header(body), piece: (piece) => frame.header([buffer, piece]) } },
  'frame.encodeTo': {
    arrays: { body: (body) => frame.encodeTo(body, Buffer.alloc(99)), out: (out) => frame.encodeTo(buffer, out) },
  },
  'frame.decodeFrom': { arrays: { input: (input) => frame.decodeFrom(input) } },
  'FrameDecoder.push': { arrays: { chunk: (chunk) => new FrameDecoder().push(chunk) } },
  'entry.encodeTo': {
    arrays: { body: (body) => entry.encodeTo(1, body, Buffer.alloc(99)), out: (out) => entry.encodeTo(1, buffer, out) },
  },
  'entry.decodeFrom': { arrays: { block: (block) => entry.decodeFrom(block) } },
  Dictionary: { arrays: { content: (content) => new Dictionary(content) } },
  'Compressor.compress': { bytes: (data) => compressor.compress(data) },
  'Compressor.compressTo': {
    bytes: (data) => compressor.compressTo(data, Buffer.alloc(999)),
    arrays: { out: (out) => compressor.compressTo('a', out) },
  },
  'Decompressor.decompress': { arrays: { data: (data) => decompressor.decompress(data) } },
  'Decompressor.decompressTo': {
    arrays: {
      data: (data) => decompressor.decompressTo(data, Buffer.alloc(99)),
      out: (out) => decompressor.decompressTo(stored, out),
    },
  },
  originalLength: { arrays: { data: (data) => library.originalLength(data) } },
}

const notBytes: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 5],
  ['a boolean', true],
  ['a bigint', 5n],
  ['a symbol', Symbol('x')],
  ['a function', () => 1],
  ['an object', {}],
  ['an ArrayBuffer', new ArrayBuffer(4)],
  ['a proxy of a Buffer', new Proxy(Buffer.alloc(4), {})],
]

const takers = Object.entries(calls).flatMap(([name, { bytes, arrays = {} }]) => [
  ...(bytes ? [{ name: `data of ${name}`, call: bytes, isText: true }] : []),
  ...Object.entries(arrays).map(([argument, call]) => ({ name: `${argument} of ${name}`, call, isText: false })),
])

describe.each(takers)('$name', ({ call, isText }) => {
  test.each(isText ? notBytes : [...notBytes, ['a string', 'text']])('cannot be %s', (_, value) => {
    expect(() => call(value as never)).toThrow(TypeError)
  })

  test.each([
    ['bytes', new Uint8Array(shared(64))],
    ['words', new Uint32Array(shared(64))],
    ['an empty array', new Uint8Array(shared(0))],
  ])('cannot be %s in shared memory', (_, value) => {
    expect(() => call(value as never)).toThrow(TypeError)
  })

  test('cannot be detached', () => {
    for (const Kind of [Uint8Array, Uint32Array, Float64Array, BigUint64Array]) {
      expect(() => call(detached(new Kind(16)) as never)).toThrow(TypeError)
    }
  })
})

test('what is wrong with memory is told', () => {
  expect(() => library.xxh3(new Uint8Array(shared(8)))).toThrow(/data lies in shared memory.*pass a copy/)
  expect(() => library.xxh3(detached(new Uint8Array(8)))).toThrow(/data is detached/)
  expect(() => library.xxh3(5 as never)).toThrow('data must be a string, Buffer, typed array or DataView, not a number')
  expect(() => library.xxh3(5 as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test.each<[string, () => unknown, typeof TypeError | typeof RangeError]>([
  ['a seed of text', () => library.xxh3('a', '1' as never), TypeError],
  ['a seed below 0', () => library.xxh3('a', -1), RangeError],
  ['a seed with a fraction', () => library.xxh3('a', 0.5), RangeError],
  ['a seed that is no number', () => library.xxh3('a', Number.NaN), RangeError],
  ['a seed above 2^53', () => library.xxh3('a', 2 ** 53), RangeError],
  ['a seed of 65 bits', () => library.xxh3('a', 2n ** 64n), RangeError],
  ['a seed below 0n', () => library.xxh3('a', -1n), RangeError],
  ['a checksum above 32 bits', () => library.crc32c('a', 2 ** 32), RangeError],
  ['a checksum of text', () => library.crc32c('a', 'x' as never), TypeError],
  ['a length below 0', () => library.crc32cCombine(1, 2, -1), RangeError],
  ['too few words', () => library.xxh3Words('a', new Uint32Array(1)), RangeError],
  ['words of another kind', () => library.xxh3Words('a', new Int32Array(2) as never), TypeError],
  ['results of another kind', () => library.hashMany(buffer, offsets, new Int8Array(2) as never), TypeError],
  ['no nodes', () => new Ring([]), RangeError],
  ['nodes that are no array', () => new Ring('abc' as never), TypeError],
  ['a node without a name', () => new Ring([{} as never]), TypeError],
  ['an empty name', () => new Ring(['']), RangeError],
  ['the same node twice', () => new Ring(['a', 'b', 'a']), RangeError],
  ['a weight of 0', () => new Ring([{ name: 'a', weight: 0 }]), RangeError],
  ['a weight without end', () => new Ring([{ name: 'a', weight: Number.POSITIVE_INFINITY }]), RangeError],
  ['a weight of text', () => new Ring([{ name: 'a', weight: '1' as never }]), TypeError],
  ['a mistyped option of a ring', () => new Ring(['a'], { virtualnodes: 3 } as never), TypeError],
  ['a mistyped field of a node', () => new Ring([{ name: 'a', wieght: 3 } as never]), TypeError],
  ['options that are none', () => new Ring(['a'], 5 as never), TypeError],
  ['a node that is none', () => new Ring([null as never]), TypeError],
  ['a mistyped option of a compressor', () => new Compressor({ algoritm: 'zstd' } as never), TypeError],
  ['a mistyped option of a decompressor', () => new Decompressor({ maxBytes: 3 } as never), TypeError],
  ['a mistyped option of a decoder', () => new FrameDecoder({ bytesMax: 3 } as never), TypeError],
  ['no virtual nodes', () => new Ring(['a'], { virtualNodes: 0 }), RangeError],
  ['more points than fit', () => new Ring(['a'], { virtualNodes: 2 ** 31 }), RangeError],
  ['no replicas', () => ring.replicas('a', 0), RangeError],
  ['replicas of text', () => ring.replicas('a', '2' as never), TypeError],
  ['an epsilon of 0', () => ring.assignMany(['a'], 0), RangeError],
  ['keys of another kind', () => ring.lookupMany(5 as never), TypeError],
  ['too few places', () => ring.lookupMany(['a', 'b'], new Uint32Array(1)), RangeError],
  ['rings that are none', () => Ring.diff(ring, {} as never), TypeError],
  ['a place behind the end', () => frame.encodeTo(buffer, Buffer.alloc(50), 51), RangeError],
  ['a frame without room', () => frame.encodeTo(buffer, Buffer.alloc(10)), RangeError],
  ['a body in the memory of the frame', () => frame.encodeTo(buffer, Buffer.from(buffer.buffer)), RangeError],
  ['a bound of text', () => new FrameDecoder({ bodyBytesMax: 'x' as never }), TypeError],
  ['a bound below 0', () => new FrameDecoder({ bodyBytesMax: -1 }), RangeError],
  ['a kind of 9 bits', () => entry.encodeTo(256, buffer, Buffer.alloc(50)), RangeError],
  ['an algorithm that there is not', () => new Compressor({ algorithm: 'rar' as never }), RangeError],
  ['a share above 1', () => new Compressor({ ratioMax: 1.1 }), RangeError],
  ['an option of another kind', () => new Compressor({ adaptive: 1 as never }), TypeError],
  ['a dictionary that is none', () => new Compressor({ dictionary: {} as never }), TypeError],
  ['a bound of bytes below 0', () => new Decompressor({ bytesMax: -1 }), RangeError],
  ['compressed data without room', () => compressor.compressTo(Buffer.alloc(100), Buffer.alloc(100)), RangeError],
])('%s is refused', (_, call, kind) => {
  expect(call).toThrow(kind)
})

test('a method needs its own object', () => {
  expect(() => Xxh3.prototype.digest.call({} as never)).toThrow(TypeError)
  expect(() => Ring.prototype.lookup.call(new Xxh3() as never, 'a')).toThrow(TypeError)
})

test('objects of one kind are not taken for another', async () => {
  const { loadBinding } = await import('../../src/native/load.js')
  const native = loadBinding()
  const hasher = native.xxh3New()
  expect(() => native.ringLookup(hasher, 'a')).toThrow('this is not a Ring')
  expect(() => native.xxh3Digest({} as never)).toThrow('this is not a Xxh3')
  expect(() => native.xxh3Digest(undefined as never)).toThrow(TypeError)
})

test('a thousand objects that nobody holds are freed', () => {
  for (let i = 0; i < 1_000; i++) {
    new Xxh3().update('x')
    new Compressor({ algorithm: 'zstd' }).compress(Buffer.alloc(1_000))
  }
  expect(new Xxh3().update('a').digest()).toBe(library.xxh3('a'))
})
