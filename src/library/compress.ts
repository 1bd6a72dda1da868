// LZ4, zstd and gzip behind one flag byte; stored as it is where compressing does not pay. The layout is crates/compress's.
import type { Direct, Handle, Input } from '../native/direct.js'
import { loadBinding } from '../native/load.js'
import { checkOptions } from './options.js'
import { packKeys } from './packed-keys.js'

const native: Direct = loadBinding()

/** `lz4`: the fastest. `zstd`: saves most. `gzip`: its payload is what every gzip reads. */
export type Algorithm = 'lz4' | 'zstd' | 'gzip'

export interface CompressOptions {
  /** Default `lz4`. */
  algorithm?: Algorithm | undefined
  /** 1 to 19 for zstd (default 1), 1 to 9 for gzip (default 6), 1 for lz4. */
  level?: number | undefined
  /** Shorter inputs are stored as they are, in bytes. Default 256, with a dictionary 64. */
  minBytes?: number | undefined
  /** The compressed form is kept if it has at most this share of the input's bytes: above 0, at most 1. Default 0.9. */
  ratioMax?: number | undefined
  /** After inputs that did not compress, stops trying for a growing number of inputs. Default true. */
  adaptive?: boolean | undefined
  /** What the inputs have in common, for small ones: zstd and lz4. */
  dictionary?: Dictionary | undefined
}

let handleOf: (dictionary: Dictionary) => Handle

/** What small values have in common; who decompresses needs the same one. */
export class Dictionary {
  static {
    handleOf = (dictionary) => dictionary.#handle
  }

  readonly #handle: Handle
  /** The bytes that it was made from: keep them with the data. */
  readonly content: Uint8Array
  /** Stands in what was compressed with it. */
  readonly id: number

  /** From any bytes that the values have parts of, the likeliest at the end, or from what `train` made. At least 8 bytes. */
  constructor(content: Uint8Array) {
    this.#handle = native.dictionaryNew(content)
    this.content = Uint8Array.from(content)
    this.id = native.dictionaryId(this.#handle)
  }

  /**
   * Makes a dictionary of at most `bytesMax` bytes (default 16 KiB) from samples: some hundreds of values such as will be
   * compressed. Takes milliseconds to seconds. Throws an Error with code DICTIONARY_INVALID if they do not suffice.
   */
  static train(samples: readonly (string | Uint8Array)[], bytesMax = 16_384): Dictionary {
    const { buffer, offsets } = packKeys(samples)
    return new Dictionary(native.dictionaryTrain(buffer, offsets, bytesMax))
  }
}

/**
 * Compresses the inputs of one stream: it remembers whether they are worth trying. Synchronous: 64 KiB of text take about 0.1 ms
 * with lz4 and zstd, and 0.8 ms with gzip.
 */
export class Compressor {
  readonly #handle: Handle

  /** Throws TypeError, RangeError, or an Error with code DICTIONARY_UNSUPPORTED or DICTIONARY_INVALID. */
  constructor(options: CompressOptions = {}) {
    checkOptions('Compressor', options, ['algorithm', 'level', 'minBytes', 'ratioMax', 'adaptive', 'dictionary'])
    const { algorithm = 'lz4', level, minBytes, ratioMax = 0.9, adaptive = true, dictionary } = options
    if (dictionary !== undefined && !(dictionary instanceof Dictionary)) throw new TypeError('dictionary must be a Dictionary')
    if (level === 0) throw new RangeError('level must be 1 or more; leave it out for the default')
    if (typeof adaptive !== 'boolean') throw new TypeError(`adaptive must be a boolean, not ${typeof adaptive}`)
    this.#handle = native.compressorNew(
      algorithm,
      level ?? 0,
      minBytes ?? (dictionary ? 64 : 256),
      ratioMax,
      adaptive,
      dictionary && handleOf(dictionary),
    )
  }

  /** `data` compressed, or stored where that does not pay: a new Buffer, at most one byte longer than `data`. */
  compress(data: Input): Uint8Array {
    return native.compress(this.#handle, data)
  }

  /** The same, written to `out` from `at` on; returns the bytes. RangeError if fewer than `compressedSizeMax` are there. */
  compressTo(data: Input, out: Uint8Array, at = 0): number {
    return native.compressTo(this.#handle, data, out, at)
  }
}

/** Bytes that `compressTo` asks to be there for an input of so many bytes. */
export const compressedSizeMax: (bytes: number) => number = native.compressedSizeMax

export interface DecompressorOptions {
  /** Larger originals are refused before memory is taken for them, in bytes. Default 64 MiB. */
  bytesMax?: number | undefined
  /** Those that inputs may need. */
  dictionaries?: readonly Dictionary[] | undefined
}

/** Undoes what any Compressor did. */
export class Decompressor {
  readonly #handle: Handle
  readonly #bytesMax: number

  constructor(options: DecompressorOptions = {}) {
    checkOptions('Decompressor', options, ['bytesMax', 'dictionaries'])
    const { bytesMax = 64 * 2 ** 20, dictionaries = [] } = options
    if (typeof bytesMax !== 'number') throw new TypeError(`bytesMax must be a number, not ${typeof bytesMax}`)
    if (!Number.isSafeInteger(bytesMax) || bytesMax < 0) throw new RangeError(`bytesMax must be a whole number, not ${bytesMax}`)
    this.#bytesMax = bytesMax
    this.#handle = native.decompressorNew()
    for (const dictionary of dictionaries) {
      if (!(dictionary instanceof Dictionary)) throw new TypeError('dictionaries must be Dictionaries')
      native.decompressorAdd(this.#handle, handleOf(dictionary))
    }
  }

  /**
   * The original, in a new Buffer. Throws an Error with code TRUNCATED, UNKNOWN_FLAG, TOO_LARGE, CORRUPT or DICTIONARY_MISSING.
   * Whether the bytes are those that were compressed is for a checksum to say: only gzip carries one.
   */
  decompress(data: Uint8Array): Uint8Array {
    return native.decompress(this.#handle, data, this.#bytesMax)
  }

  /** The same, written to `out` from `at` on; returns the bytes. An Error with code OUTPUT_TOO_SMALL if they do not fit. */
  decompressTo(data: Uint8Array, out: Uint8Array, at = 0): number {
    return native.decompressTo(this.#handle, data, out, at)
  }
}

/** Bytes of the original of `data`, as its header says: not to be trusted before it is decompressed. */
export const originalLength: (data: Uint8Array) => number = native.originalLength
