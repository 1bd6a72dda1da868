// The addon's functions for src/library: the crates behind the store, called directly. Whatever is wrong with an argument is
// thrown by them, as TypeError or RangeError with code INVALID_ARGUMENT, or as an Error with the code that fits.

/** A native object; only the class that made it may use it. */
export type Handle = { readonly native: unique symbol }

/** Bytes of any view; strings count as UTF-8. Shared and detached memory is refused. */
export type Input = string | ArrayBufferView

export interface Direct {
  hashPath(): string
  xxh3(data: Input, seed?: number | bigint): number
  xxh3BigInt(data: Input, seed?: number | bigint): bigint
  xxh3Words(data: Input, out: Uint32Array, seed?: number | bigint): void
  xxh128Words(data: Input, out: Uint32Array, seed?: number | bigint): void
  xxh128BigInt(data: Input, seed?: number | bigint): bigint
  xxh128Hex(data: Input, seed?: number | bigint): string
  hashMany(
    buffer: Uint8Array,
    offsets: Uint32Array,
    out: Float64Array | BigUint64Array | Uint32Array,
    seed?: number | bigint,
  ): void
  xxh3New(seed?: number | bigint): Handle
  xxh3Update(hasher: Handle, data: Input): void
  xxh3Digest(hasher: Handle): number
  xxh3DigestBigInt(hasher: Handle): bigint
  xxh3Digest128Hex(hasher: Handle): string
  xxh3Digest128BigInt(hasher: Handle): bigint
  xxh3Reset(hasher: Handle): void

  crc32c(data: Input, previous?: number): number
  crc32cCombine(first: number, second: number, secondBytes: number): number
  crc32cMany(buffer: Uint8Array, offsets: Uint32Array, out: Uint32Array): void

  /** No zone is an empty string. */
  ringNew(names: string[], weights: Float64Array, zones: string[], virtualNodes: number, seed?: number | bigint): Handle
  ringLookup(ring: Handle, key: Input): number
  ringLookupMany(ring: Handle, buffer: Uint8Array, offsets: Uint32Array, out: Uint32Array): void
  /** Fills `out` from its start; the number of nodes found. */
  ringReplicas(ring: Handle, key: Input, out: Uint32Array): number
  ringReplicasMany(ring: Handle, buffer: Uint8Array, offsets: Uint32Array, count: number, out: Uint32Array): number
  ringAssignMany(ring: Handle, buffer: Uint8Array, offsets: Uint32Array, epsilon: number, out: Uint32Array): void
  /** Ranges of hashes whose node differs: first and last of each; its node before and after. */
  ringDiff(before: Handle, after: Handle): [hashes: BigUint64Array, nodes: Uint32Array]

  /** The eight bytes before a body that lies in one or more pieces. */
  frameHeader(body: ArrayBufferView | readonly ArrayBufferView[]): Uint8Array
  /** Returns the bytes written. */
  frameEncode(body: ArrayBufferView | readonly ArrayBufferView[], out: Uint8Array, at: number): number
  /** Bytes that must follow before the frame that `input` begins with is whole. */
  frameMissing(input: Uint8Array, bodyBytesMax: number): number
  /** Cuts whole frames: start and end of each body go to `out`, then where the rest begins. Returns how many there are. */
  framesDecode(input: Uint8Array, at: number, bodyBytesMax: number, out: Uint32Array): number
  entryEncode(kind: number, body: ArrayBufferView, out: Uint8Array, at: number): number
  /** Kind, start and end of the body of each entry go to `out`, then where the rest begins. Returns how many there are. */
  entriesDecode(input: Uint8Array, at: number, out: Uint32Array): number

  dictionaryNew(content: Uint8Array): Handle
  dictionaryTrain(samples: Uint8Array, offsets: Uint32Array, bytesMax: number): Uint8Array
  dictionaryId(dictionary: Handle): number
  compressorNew(
    algorithm: string,
    level: number,
    minBytes: number,
    ratioMax: number,
    adaptive: boolean,
    dictionary?: Handle,
  ): Handle
  compress(compressor: Handle, data: Input): Uint8Array
  compressTo(compressor: Handle, data: Input, out: Uint8Array, at: number): number
  /** Bytes that `compressTo` needs at most for so many. */
  compressedSizeMax(bytes: number): number
  decompressorNew(): Handle
  decompressorAdd(decompressor: Handle, dictionary: Handle): void
  decompress(decompressor: Handle, data: Uint8Array, bytesMax: number): Uint8Array
  decompressTo(decompressor: Handle, data: Uint8Array, out: Uint8Array, at: number): number
  originalLength(data: Uint8Array): number

  /** JSON of what `topology()` returns. */
  topology(): string
}
