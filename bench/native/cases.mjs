// What is measured from Node: our functions of 'rafterdb/native' and the best of npm for the same job, in the same process.
// A case names the row of the table, the work of one call, and how each does it. Results are summed, so that nothing is left out.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import zlib from 'node:zlib'
import crc from '@node-rs/crc32'
import xxhash from '@node-rs/xxhash'
import HashRing from 'hashring'
import lz4 from 'lz4-napi'
import lz4js from 'lz4js'
import {
  Compressor,
  crc32c,
  crc32cMany,
  Decompressor,
  FrameDecoder,
  frame,
  hashMany,
  packKeys,
  Ring,
  Xxh3,
  xxh3,
  xxh3BigInt,
  xxh128Hex,
} from 'rafterdb/native'
import snappy from 'snappy'
import initXxhashWasm from 'xxhash-wasm'

const wasm = await initXxhashWasm()

/** Bytes that do not compress. */
function noise(bytes) {
  const buffer = Buffer.alloc(bytes)
  let state = 1
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    buffer[i] = state >>> 24
  }
  return buffer
}

const debian = readFileSync(new URL('../../examples/data/debian-sample.ndjson', import.meta.url)).subarray(0, 65_536)
const KEYS = 1_000
const packed32 = packKeys(Array.from({ length: KEYS }, (_, i) => noise(32 + KEYS).subarray(i, i + 32)))
const slices32 = Array.from({ length: KEYS }, (_, i) => packed32.buffer.subarray(32 * i, 32 * (i + 1)))
const out = { numbers: new Float64Array(KEYS), words: new Uint32Array(KEYS) }

const nodes = Array.from({ length: 100 }, (_, i) => `node-${i}`)
const ring = new Ring(nodes)
const hashring = new HashRing(nodes)
/** Twenty times as many as a call takes: more than `hashring` remembers the places of. */
const groups = Array.from({ length: 20 }, (_, group) =>
  Array.from({ length: KEYS }, (_, i) => `user/${String((group * KEYS + i) * 7919).padStart(11, '0')}`),
)
const packedGroups = groups.map((keys) => packKeys(keys))

/** The groups in turn, one a call. */
function inTurn(all) {
  let at = 0
  return () => all[at++ % all.length]
}

/** Rows of one-shot hashes. */
function hashes() {
  return [8, 32, 256, 1_024, 4_096, 65_536].flatMap((size) => {
    const data = noise(size)
    return [
      {
        row: `xxh3_64/${size}`,
        bytes: size,
        ours: () => xxh3(data),
        rivals: {
          '@node-rs/xxhash xxh3': () => Number(xxhash.xxh3.xxh64(data) & 1n),
          'xxhash-wasm h64Raw': () => Number(wasm.h64Raw(data) & 1n),
          'xxhash-wasm h32Raw': () => wasm.h32Raw(data),
          'node:crypto sha1': () => createHash('sha1').update(data).digest()[0],
        },
      },
      {
        row: `crc32c/${size}`,
        bytes: size,
        ours: () => crc32c(data),
        rivals: {
          '@node-rs/crc32 crc32c': () => crc.crc32c(data),
          ...(zlib.crc32 ? { 'node:zlib crc32': () => zlib.crc32(data) } : {}),
        },
      },
    ]
  })
}

const text = 'user/00000007919/profile/settings'

const others = [
  {
    row: 'xxh3_64 of a string/33',
    bytes: 33,
    ours: () => xxh3(text),
    rivals: {
      '@node-rs/xxhash xxh3': () => Number(xxhash.xxh3.xxh64(text) & 1n),
      'xxhash-wasm h64': () => Number(wasm.h64(text) & 1n),
      'xxhash-wasm h32': () => wasm.h32(text),
    },
  },
  {
    row: 'xxh3_64 as a bigint/32',
    bytes: 32,
    ours: () => Number(xxh3BigInt(slices32[0]) & 1n),
    rivals: { 'xxhash-wasm h64Raw': () => Number(wasm.h64Raw(slices32[0]) & 1n) },
  },
  {
    row: 'xxh3_128/1024',
    bytes: 1_024,
    ours: () => xxh128Hex(debian.subarray(0, 1_024)).length,
    rivals: { '@node-rs/xxhash xxh3': () => xxhash.xxh3.xxh128(debian.subarray(0, 1_024)).toString(16).length },
  },
  {
    row: 'xxh3_64_many/32',
    elements: KEYS,
    bytes: 32 * KEYS,
    ours: () => hashMany(packed32.buffer, packed32.offsets, out.numbers),
    rivals: {
      'xxhash-wasm h64Raw, one by one': () => {
        let sum = 0n
        for (let i = 0; i < KEYS; i++) sum ^= wasm.h64Raw(slices32[i])
        return Number(sum & 1n)
      },
      'xxhash-wasm h32Raw, one by one': () => {
        let sum = 0
        for (let i = 0; i < KEYS; i++) sum ^= wasm.h32Raw(slices32[i])
        return sum
      },
      'xxh3 here, one by one': () => {
        let sum = 0
        for (let i = 0; i < KEYS; i++) sum += xxh3(slices32[i])
        return sum
      },
    },
  },
  {
    row: 'crc32c_many/32',
    elements: KEYS,
    bytes: 32 * KEYS,
    ours: () => crc32cMany(packed32.buffer, packed32.offsets, out.words),
    rivals: {
      '@node-rs/crc32, one by one': () => {
        let sum = 0
        for (let i = 0; i < KEYS; i++) sum ^= crc.crc32c(slices32[i])
        return sum
      },
    },
  },
  {
    row: 'xxh3 in 64 KiB pieces/1048576',
    bytes: 1 << 20,
    ours: () => {
      const hasher = new Xxh3()
      for (let i = 0; i < 16; i++) hasher.update(debian)
      return hasher.digest()
    },
    rivals: {
      '@node-rs/xxhash Xxh3': () => {
        const hasher = xxhash.xxh3.Xxh3.withSeed(0n)
        for (let i = 0; i < 16; i++) hasher.update(debian)
        return Number(hasher.digest() & 1n)
      },
    },
  },
]

/** Places of keys among 100 nodes. */
function rings() {
  const [one, another] = [inTurn(groups.flat()), inTurn(groups.flat())]
  const [ours, theirs, packed] = [inTurn(groups), inTurn(groups), inTurn(packedGroups)]
  const oneByOne = () => {
    let sum = 0
    for (const key of theirs()) sum += hashring.get(key).length
    return sum
  }
  return [
    {
      row: 'ring lookup',
      elements: 1,
      ours: () => ring.lookupIndex(one()),
      rivals: { 'hashring get': () => hashring.get(another()).length },
    },
    {
      row: 'ring lookup_many of strings',
      elements: KEYS,
      ours: () => ring.lookupMany(ours(), out.words)[0],
      rivals: { 'hashring get, one by one': oneByOne },
    },
    {
      row: 'ring lookup_many',
      elements: KEYS,
      ours: () => ring.lookupMany(packed(), out.words)[0],
      rivals: { 'hashring get, one by one': oneByOne },
    },
  ]
}

/** Frames of 64 KiB: written into one buffer, and cut out of it again. */
function frames() {
  const body = noise(65_536)
  const room = Buffer.alloc(frame.encodedSize(body))
  const whole = Buffer.alloc(room.length)
  frame.encodeTo(body, whole)
  const checked = Buffer.alloc(room.length)
  checked.writeUInt32LE(65_536, 0)
  checked.writeUInt32LE(crc.crc32c(body), 4)
  checked.set(body, 8)
  return [
    {
      row: 'frame encode/65536',
      bytes: 65_536,
      ours: () => frame.encodeTo(body, room),
      rivals: {
        'by hand with @node-rs/crc32': () => {
          room.writeUInt32LE(body.length, 0)
          room.writeUInt32LE(crc.crc32c(body), 4)
          room.set(body, 8)
          return room[4]
        },
      },
    },
    {
      row: 'frame decode/65536',
      bytes: 65_536,
      ours: () => new FrameDecoder().push(whole).length,
      rivals: {
        'by hand with @node-rs/crc32': () => {
          const found = checked.subarray(8, 8 + checked.readUInt32LE(0))
          return crc.crc32c(found) === checked.readUInt32LE(4) ? found.length : 0
        },
      },
    },
  ]
}

/** Compressing and decompressing 64 KiB of text. */
function compression() {
  const of = (algorithm) => new Compressor({ algorithm })
  const decompressor = new Decompressor()
  const [ourLz4, ourZstd, ourGzip] = [of('lz4'), of('zstd'), of('gzip')]
  const packedBy = {
    lz4: ourLz4.compress(debian),
    zstd: ourZstd.compress(debian),
    gzip: ourGzip.compress(debian),
    snappy: snappy.compressSync(debian),
    lz4Napi: lz4.compressSync(debian),
    lz4js: lz4js.compress(debian),
    zlib: zlib.gzipSync(debian),
    nodeZstd: zlib.zstdCompressSync?.(debian),
  }
  const bytes = debian.length
  return [
    {
      row: 'lz4 compress/65536',
      bytes,
      ours: () => ourLz4.compress(debian).length,
      rivals: {
        'lz4-napi': () => lz4.compressSync(debian).length,
        snappy: () => snappy.compressSync(debian).length,
        lz4js: () => lz4js.compress(debian).length,
      },
    },
    {
      row: 'lz4 decompress/65536',
      bytes,
      ours: () => decompressor.decompress(packedBy.lz4).length,
      rivals: {
        'lz4-napi': () => lz4.uncompressSync(packedBy.lz4Napi).length,
        snappy: () => snappy.uncompressSync(packedBy.snappy, { asBuffer: true }).length,
        lz4js: () => lz4js.decompress(packedBy.lz4js).length,
      },
    },
    {
      row: 'zstd compress/65536',
      bytes,
      ours: () => ourZstd.compress(debian).length,
      rivals: packedBy.nodeZstd ? { 'node:zlib zstd': () => zlib.zstdCompressSync(debian).length } : {},
    },
    {
      row: 'zstd decompress/65536',
      bytes,
      ours: () => decompressor.decompress(packedBy.zstd).length,
      rivals: packedBy.nodeZstd ? { 'node:zlib zstd': () => zlib.zstdDecompressSync(packedBy.nodeZstd).length } : {},
    },
    {
      row: 'gzip compress/65536',
      bytes,
      ours: () => ourGzip.compress(debian).length,
      rivals: { 'node:zlib gzip': () => zlib.gzipSync(debian).length },
    },
    {
      row: 'gzip decompress/65536',
      bytes,
      ours: () => decompressor.decompress(packedBy.gzip).length,
      rivals: { 'node:zlib gunzip': () => zlib.gunzipSync(packedBy.zlib).length },
    },
  ]
}

export const cases = [...hashes(), ...others, ...rings(), ...frames(), ...compression()]
