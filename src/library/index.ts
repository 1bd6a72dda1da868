// What `rafterdb/native` exports: a table of contents.

export { Batcher, type BatcherOptions } from './batcher.js'
export {
  type Body,
  ENTRY_HEADER_BYTES,
  type Entry,
  entry,
  FRAME_BODY_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  frame,
} from './codec.js'
export {
  type Algorithm,
  type CompressOptions,
  Compressor,
  compressedSizeMax,
  Decompressor,
  type DecompressorOptions,
  Dictionary,
  originalLength,
} from './compress.js'
export {
  crc32c,
  crc32cCombine,
  crc32cMany,
  type HashInput,
  hashMany,
  hashPath,
  type Seed,
  Xxh3,
  xxh3,
  xxh3BigInt,
  xxh3Words,
  xxh128BigInt,
  xxh128Hex,
  xxh128Words,
} from './hash.js'
export { type PackedKeys, packKeys } from './packed-keys.js'
export { type Keys, Ring, type RingMove, type RingNode, type RingOptions } from './ring.js'
export { type Cache, type Core, type NumaNode, type Topology, topology } from './topology.js'
