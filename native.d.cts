// Generated from src/library/index.ts by `npm run build:ts`; do not edit.
/// <reference lib="esnext.disposable" />

export interface BatcherOptions<T, R> {
  /**
   * Works on one batch, in the order of the calls of `add`. Resolves to one result an item, in the same order; a result that is
   * an `Error` rejects its item alone. What it throws rejects all items of the batch.
   */
  run: (items: T[]) => Promise<readonly (R | Error)[]>;
  /** Items of a batch. Default 1,000. */
  maxItems?: number | undefined;
  /** Bytes of a batch, as `sizeOf` says, unless it is one item. Default: no bound. */
  maxBytes?: number | undefined;
  /** Bytes of an item, 0 or more; needed for `maxBytes`. */
  sizeOf?: ((item: T) => number) | undefined;
  /**
   * Milliseconds that an item may gather while a batch is under way and another may be: it needs `maxInFlight` of 2 or more.
   * Default: until a batch is full or none is under way.
   */
  maxWaitMs?: number | undefined;
  /** Batches under way at the same time. Default 1. */
  maxInFlight?: number | undefined;
  /** Items that may wait, those of batches under way not counted; then `add` fails with BUSY. Default 65,536. */
  maxQueued?: number | undefined;
}
/**
 * Gathers items into batches, in the order in which they come.
 *
 * While no batch is under way, an item waits only for the end of the current turn, and all items of that turn go together. While
 * some are under way, but fewer than `maxInFlight`, items gather until a batch is full, has waited for `maxWaitMs`, or none is
 * under way any more. With `maxInFlight` under way they gather until one ends. So an idle batcher adds no delay, and a busy one
 * makes batches as large as its work is slow.
 *
 * ```ts
 * await using users = new Batcher({ run: (ids: number[]) => loadUsers(ids) })
 * const [ann, bob] = await Promise.all([users.add(1), users.add(2)]) // one call of loadUsers
 * ```
 */
export declare class Batcher<T, R> implements AsyncDisposable {
  #private;
  /** Errors: INVALID_ARGUMENT. */
  constructor(options: BatcherOptions<T, R>);
  /** Items that wait for a run, those of batches under way not counted. */
  get queued(): number;
  /** Batches under way. */
  get inFlight(): number;
  /**
   * Puts an item into a batch and resolves to its result. Rejects with what `run` threw or returned for it, or with a
   * RafterError; then the item was not taken: BUSY when `maxQueued` items wait, CLOSED after `close`, INVALID_ARGUMENT if
   * `sizeOf` returned no size. INVALID_ARGUMENT also if `run` returned another number of results than there were items.
   */
  add(item: T): Promise<R>;
  /** Has what waits go without gathering, still at most `maxInFlight` batches at a time. Resolves when all items added before are settled; never rejects. */
  flush(): Promise<void>;
  /** Takes no more items, has what waits go, and resolves when all is settled; never rejects. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
/** Bytes before a frame's body. */
export declare const FRAME_HEADER_BYTES = 8;
/** Bytes before an entry's body. */
export declare const ENTRY_HEADER_BYTES = 8;
/** Bytes of a body that are taken unless told otherwise: 64 MiB. */
export declare const FRAME_BODY_BYTES_MAX: number;
/** A body, in one piece or in several that follow one another. Shared and detached memory is a TypeError. */
export type Body = ArrayBufferView | readonly ArrayBufferView[];
/** `[u32 length of the body][u32 CRC-32C of the body][body]`, little-endian. */
export declare const frame: {
  /** Bytes of the frame around `body`. */
  encodedSize(body: Body): number;
  /**
   * The eight bytes that go before `body`: for writing header and pieces one after the other (`socket.cork`, `fs.writev`), so
   * that no payload is copied.
   */
  header(body: Body): Uint8Array;
  /** Writes the frame to `out` from `at` on; returns its bytes. RangeError if it does not fit. */
  encodeTo(body: Body, out: Uint8Array, at?: number): number;
  /**
   * The frame that begins at `at`: its body, which lies in `input`, and the bytes of the frame. Undefined if it is not there
   * whole. Throws an Error with code PROTOCOL_ERROR for a checksum that does not match or a body above `bodyBytesMax`.
   */
  decodeFrom(input: Uint8Array, at?: number, bodyBytesMax?: number): {
    body: Uint8Array;
    bytes: number;
  } | undefined;
};
/** Cuts frames out of a stream of chunks. */
export declare class FrameDecoder {
  #private;
  /** `bodyBytesMax` bounds what is believed of a length, in bytes; default 64 MiB. */
  constructor(options?: {
    bodyBytesMax?: number | undefined;
  });
  /**
   * Takes the next chunk of the stream; returns the bodies that are whole now. They lie in the chunk where they can, so it must
   * not change while they are used. Throws an Error with code PROTOCOL_ERROR as `frame.decodeFrom`; the stream ends there.
   */
  push(chunk: Uint8Array): Uint8Array[];
  /** Bytes of a frame that is not whole yet. */
  get pendingBytes(): number;
}
/** An entry of a log. */
export interface Entry {
  /** From 0 to 255; what it means is the caller's. */
  kind: number;
  /** Lies in what was decoded. */
  body: Uint8Array;
}
/** `[u32 length of the body][u8 kind][3 × 0][body]`, little-endian. No checksum: a frame or a record around it has one. */
export declare const entry: {
  /** Bytes of the entry around `body`. */
  encodedSize(body: ArrayBufferView): number;
  /** Writes an entry to `out` from `at` on; returns its bytes. RangeError if it does not fit. */
  encodeTo(kind: number, body: ArrayBufferView, out: Uint8Array, at?: number): number;
  /** All entries of a block. Throws an Error with code PROTOCOL_ERROR if one is cut short, or its header says what is not known. */
  decodeFrom(block: Uint8Array): Entry[];
};
/** Bytes of any view; strings count as UTF-8. Shared and detached memory is refused. */
export type Input = string | ArrayBufferView;
/** `lz4`: the fastest. `zstd`: saves most. `gzip`: its payload is what every gzip reads. */
export type Algorithm = "lz4" | "zstd" | "gzip";
export interface CompressOptions {
  /** Default `lz4`. */
  algorithm?: Algorithm | undefined;
  /** 1 to 19 for zstd (default 1), 1 to 9 for gzip (default 6), 1 for lz4. */
  level?: number | undefined;
  /** Shorter inputs are stored as they are, in bytes. Default 256, with a dictionary 64. */
  minBytes?: number | undefined;
  /** The compressed form is kept if it has at most this share of the input's bytes: above 0, at most 1. Default 0.9. */
  ratioMax?: number | undefined;
  /** After inputs that did not compress, stops trying for a growing number of inputs. Default true. */
  adaptive?: boolean | undefined;
  /** What the inputs have in common, for small ones: zstd and lz4. */
  dictionary?: Dictionary | undefined;
}
/** What small values have in common; who decompresses needs the same one. */
export declare class Dictionary {
  #private;
  /** The bytes that it was made from: keep them with the data. */
  readonly content: Uint8Array;
  /** Stands in what was compressed with it. */
  readonly id: number;
  /** From any bytes that the values have parts of, the likeliest at the end, or from what `train` made. At least 8 bytes. */
  constructor(content: Uint8Array);
  /**
   * Makes a dictionary of at most `bytesMax` bytes (default 16 KiB) from samples: some hundreds of values such as will be
   * compressed. Takes milliseconds to seconds. Throws an Error with code DICTIONARY_INVALID if they do not suffice.
   */
  static train(samples: readonly (string | Uint8Array)[], bytesMax?: number): Dictionary;
}
/**
 * Compresses the inputs of one stream: it remembers whether they are worth trying. Synchronous: 64 KiB of text take about 0.1 ms
 * with lz4 and zstd, and 0.8 ms with gzip.
 */
export declare class Compressor {
  #private;
  /** Throws TypeError, RangeError, or an Error with code DICTIONARY_UNSUPPORTED or DICTIONARY_INVALID. */
  constructor(options?: CompressOptions);
  /** `data` compressed, or stored where that does not pay: a new Buffer, at most one byte longer than `data`. */
  compress(data: Input): Uint8Array;
  /** The same, written to `out` from `at` on; returns the bytes. RangeError if fewer than `compressedSizeMax` are there. */
  compressTo(data: Input, out: Uint8Array, at?: number): number;
}
/** Bytes that `compressTo` asks to be there for an input of so many bytes. */
export declare const compressedSizeMax: (bytes: number) => number;
export interface DecompressorOptions {
  /** Larger originals are refused before memory is taken for them, in bytes. Default 64 MiB. */
  bytesMax?: number | undefined;
  /** Those that inputs may need. */
  dictionaries?: readonly Dictionary[] | undefined;
}
/** Undoes what any Compressor did. */
export declare class Decompressor {
  #private;
  constructor(options?: DecompressorOptions);
  /**
   * The original, in a new Buffer. Throws an Error with code TRUNCATED, UNKNOWN_FLAG, TOO_LARGE, CORRUPT or DICTIONARY_MISSING.
   * Whether the bytes are those that were compressed is for a checksum to say: only gzip carries one.
   */
  decompress(data: Uint8Array): Uint8Array;
  /** The same, written to `out` from `at` on; returns the bytes. An Error with code OUTPUT_TOO_SMALL if they do not fit. */
  decompressTo(data: Uint8Array, out: Uint8Array, at?: number): number;
}
/** Bytes of the original of `data`, as its header says: not to be trusted before it is decompressed. */
export declare const originalLength: (data: Uint8Array) => number;
/** A string (hashed as UTF-8), Buffer, typed array or DataView. Memory that is shared or detached is a TypeError. */
export type HashInput = Input;
/** A whole number from 0 to 2^53 − 1, or a bigint from 0 to 2^64 − 1. */
export type Seed = number | bigint;
/**
 * The top 53 bits of the 64-bit XXH3 of `data`: a number from 0 to 2^53 − 1, exact in JavaScript; `xxh3BigInt(data) >> 11n`.
 * `seed` defaults to 0. Throws TypeError or RangeError (INVALID_ARGUMENT).
 *
 * XXH3 is by Yann Collet, as specified by the xxHash project. It spreads well and is no protection against somebody who
 * chooses the keys.
 */
export declare const xxh3: (data: HashInput, seed?: Seed) => number;
/** All 64 bits of XXH3, as a bigint. */
export declare const xxh3BigInt: (data: HashInput, seed?: Seed) => bigint;
/** All 64 bits of XXH3 without a bigint: `out[0]` gets the low 32 bits, `out[1]` the high ones. */
export declare const xxh3Words: (data: HashInput, out: Uint32Array, seed?: Seed) => void;
/** The 128-bit XXH3, as 32 hexadecimal digits. */
export declare const xxh128Hex: (data: HashInput, seed?: Seed) => string;
/** The 128-bit XXH3, as a bigint. */
export declare const xxh128BigInt: (data: HashInput, seed?: Seed) => bigint;
/** The 128-bit XXH3 in four words of 32 bits, the lowest first in `out[0]`. */
export declare const xxh128Words: (data: HashInput, out: Uint32Array, seed?: Seed) => void;
/**
 * The XXH3 of many keys that lie in one buffer, in one call: key `i` is `buffer[offsets[i]]` up to `buffer[offsets[i + 1]]`, so
 * `offsets` has one element more than there are keys, never falls and stays within the buffer. The kind of `out` says what is
 * written: a Float64Array the numbers of `xxh3`, a BigUint64Array all 64 bits, a Uint32Array two words a key, low then high.
 * `packKeys` makes buffer and offsets from strings.
 *
 * Throws RangeError if an offset is out of range or `out` is too short or overlaps the input; nothing is written then.
 */
export declare const hashMany: (buffer: Uint8Array, offsets: Uint32Array, out: Float64Array | BigUint64Array | Uint32Array, seed?: Seed) => void;
/** XXH3 of data that comes in pieces; the results are those of the functions for the whole. */
export declare class Xxh3 {
  #private;
  /** `seed` defaults to 0. */
  constructor(seed?: Seed);
  /** Adds a piece. */
  update(data: HashInput): this;
  /** As `xxh3` of all pieces so far; more may follow. */
  digest(): number;
  /** As `xxh3BigInt`. */
  digestBigInt(): bigint;
  /** As `xxh128Hex`. */
  digest128Hex(): string;
  /** As `xxh128BigInt`. */
  digest128BigInt(): bigint;
  /** Forgets all pieces, keeps the seed. */
  reset(): this;
}
/**
 * The CRC-32C (Castagnoli, RFC 3720) of `data`: a number from 0 to 2^32 − 1. Data that comes in pieces: give the result for the
 * piece before as `previous`.
 */
export declare const crc32c: (data: HashInput, previous?: number) => number;
/** The CRC-32C of two pieces together, from that of each and the length of the second in bytes. */
export declare const crc32cCombine: (first: number, second: number, secondBytes: number) => number;
/** The CRC-32C of many pieces of one buffer, in one call; buffer, offsets and errors as for `hashMany`. */
export declare const crc32cMany: (buffer: Uint8Array, offsets: Uint32Array, out: Uint32Array) => void;
/** The instructions that hashes use here: `scalar`, `sse`, `avx2`, `avx512` or `neon`. For information: the results are the same. */
export declare const hashPath: () => string;
/** Keys one after the other: key `i` is `buffer[offsets[i]]` up to `buffer[offsets[i + 1]]`. */
export interface PackedKeys {
  buffer: Uint8Array;
  /** One more than there are keys; the first is 0. */
  offsets: Uint32Array;
}
/** Lays keys one after the other; strings as UTF-8. Throws TypeError for a key of another type, RangeError above 4 GiB in all. */
export declare function packKeys(keys: readonly (string | Uint8Array)[]): PackedKeys;
/** Options of which each has a value. */
export type Complete<T> = {
  [Name in keyof T]-?: Exclude<T[Name], undefined>;
};
/** A node of a ring. */
export interface RingNode {
  /** What it is known by; the ring's points are made from it. From 1 to 255 bytes of UTF-8. */
  name: string;
  /** Its share of the keys relative to the others; above 0, default 1. */
  weight?: number | undefined;
  /** Where it stands (a rack, a region): replicas go to different zones as long as there are any. */
  zone?: string | undefined;
}
export interface RingOptions {
  /** Places on the ring for a weight of 1, two points each; default 160. More spread the keys more evenly and take memory: 28 to 32 bytes each. */
  virtualNodes?: number | undefined;
  /** Another seed puts the nodes elsewhere, default 0. The hash of a key does not depend on it. */
  seed?: Seed | undefined;
}
/** Keys whose place differs between two rings: those with a hash from `first` to `last`, both included. */
export interface RingMove {
  first: bigint;
  last: bigint;
  /** Name of the node before. */
  from: string;
  /** Name of the node after. */
  to: string;
}
/** Keys as the batch calls take them: an array, or packed once with `packKeys`. */
export type Keys = readonly (string | Uint8Array)[] | PackedKeys;
/**
 * A consistent-hash ring (Karger et al., 1997). It never changes: make another for other nodes. The same nodes, in whatever
 * order, give the same places on every machine.
 */
export declare class Ring {
  #private;
  /** The nodes, in the order in which they were given; results are numbers of this order, or names. */
  readonly nodes: readonly Complete<Pick<RingNode, "name" | "weight">>[];
  /**
   * A ring of at least one node. Throws TypeError or RangeError (INVALID_ARGUMENT) for names that are empty or double, weights
   * that are not above 0, or more points than fit.
   */
  constructor(nodes: readonly (string | RingNode)[], options?: RingOptions);
  /** Name of the node that a key belongs to. */
  lookup(key: Input): string;
  /** The same as a number: its place in `nodes`. */
  lookupIndex(key: Input): number;
  /** Nodes of many keys, as places in `nodes`, in one call. `out` saves the allocation of the result; as long as there are keys. */
  lookupMany(keys: Keys, out?: Uint32Array): Uint32Array;
  /**
   * Names of `count` different nodes for the copies of a key, the first as of `lookup`. While a zone without a copy is left, no
   * zone gets a second one. Fewer nodes than `count`: all of them; at most 64.
   */
  replicas(key: Input, count: number): string[];
  /** `replicas` of many keys: `min(count, nodes.length)` places in `nodes` for each key, one key after the other. */
  replicasMany(keys: Keys, count: number): Uint32Array;
  /**
   * Places all of `keys` so that no node gets more than (1 + `epsilon`) times its share, rounded up (Mirrokni, Thorup,
   * Zadimoghaddam: consistent hashing with bounded loads, 2016). A key whose node is full goes to the next one on the ring, so
   * the result depends on all keys, not on their order. `epsilon` from 0.001 to 1,000, default 0.05.
   */
  assignMany(keys: Keys, epsilon?: number): Uint32Array;
  /** What moves from `before` to `after`: a key moves exactly if its `hash` (`xxh3BigInt(key)`) is in one of the ranges. */
  static diff(before: Ring, after: Ring): RingMove[];
}
/** A NUMA node: CPUs with memory of their own. */
export interface NumaNode {
  id: number;
  /** Numbers of its CPUs. */
  cpus: number[];
  /** Null where the machine does not tell. */
  memoryBytes: number | null;
  /** Free when it was read; null where the machine does not tell. */
  freeBytes: number | null;
}
/** A cache. */
export interface Cache {
  level: number;
  kind: "data" | "instruction" | "unified";
  bytes: number;
  /** Bytes of a line; null where the machine does not tell. */
  lineBytes: number | null;
  /** Numbers of the CPUs that share it. */
  cpus: number[];
}
/** A physical core. */
export interface Core {
  /** The package that it is part of; null where the machine does not tell. */
  package: number | null;
  /** Numbers of its CPUs: two where it runs two threads at a time. */
  cpus: number[];
}
/** A machine. */
export interface Topology {
  /** Numbers of the CPUs that are on. */
  cpus: number[];
  /** Those on which this process may run. */
  allowed: number[];
  cores: Core[];
  /** One on a machine without NUMA. */
  nodes: NumaNode[];
  /** Empty where the machine does not tell. */
  caches: Cache[];
}
/** Reads it anew. On Linux from the system; elsewhere one node with as many CPUs as there are, and no caches. */
export declare function topology(): Topology;

export {};
