// XXH3 and CRC-32C of the crates behind the store. One result on every machine, whatever instructions it has.
import type { Direct, Handle, Input } from '../native/direct.js'
import { loadBinding } from '../native/load.js'

/** A string (hashed as UTF-8), Buffer, typed array or DataView. Memory that is shared or detached is a TypeError. */
export type HashInput = Input

/** A whole number from 0 to 2^53 − 1, or a bigint from 0 to 2^64 − 1. */
export type Seed = number | bigint

const native: Direct = loadBinding()

/**
 * The top 53 bits of the 64-bit XXH3 of `data`: a number from 0 to 2^53 − 1, exact in JavaScript; `xxh3BigInt(data) >> 11n`.
 * `seed` defaults to 0. Throws TypeError or RangeError (INVALID_ARGUMENT).
 *
 * XXH3 is by Yann Collet, as specified by the xxHash project. It spreads well and is no protection against somebody who
 * chooses the keys.
 */
export const xxh3: (data: HashInput, seed?: Seed) => number = native.xxh3

/** All 64 bits of XXH3, as a bigint. */
export const xxh3BigInt: (data: HashInput, seed?: Seed) => bigint = native.xxh3BigInt

/** All 64 bits of XXH3 without a bigint: `out[0]` gets the low 32 bits, `out[1]` the high ones. */
export const xxh3Words: (data: HashInput, out: Uint32Array, seed?: Seed) => void = native.xxh3Words

/** The 128-bit XXH3, as 32 hexadecimal digits. */
export const xxh128Hex: (data: HashInput, seed?: Seed) => string = native.xxh128Hex

/** The 128-bit XXH3, as a bigint. */
export const xxh128BigInt: (data: HashInput, seed?: Seed) => bigint = native.xxh128BigInt

/** The 128-bit XXH3 in four words of 32 bits, the lowest first in `out[0]`. */
export const xxh128Words: (data: HashInput, out: Uint32Array, seed?: Seed) => void = native.xxh128Words

/**
 * The XXH3 of many keys that lie in one buffer, in one call: key `i` is `buffer[offsets[i]]` up to `buffer[offsets[i + 1]]`, so
 * `offsets` has one element more than there are keys, never falls and stays within the buffer. The kind of `out` says what is
 * written: a Float64Array the numbers of `xxh3`, a BigUint64Array all 64 bits, a Uint32Array two words a key, low then high.
 * `packKeys` makes buffer and offsets from strings.
 *
 * Throws RangeError if an offset is out of range or `out` is too short or overlaps the input; nothing is written then.
 */
export const hashMany: (
  buffer: Uint8Array,
  offsets: Uint32Array,
  out: Float64Array | BigUint64Array | Uint32Array,
  seed?: Seed,
) => void = native.hashMany

/** XXH3 of data that comes in pieces; the results are those of the functions for the whole. */
export class Xxh3 {
  readonly #handle: Handle

  /** `seed` defaults to 0. */
  constructor(seed?: Seed) {
    this.#handle = native.xxh3New(seed)
  }

  /** Adds a piece. */
  update(data: HashInput): this {
    native.xxh3Update(this.#handle, data)
    return this
  }

  /** As `xxh3` of all pieces so far; more may follow. */
  digest(): number {
    return native.xxh3Digest(this.#handle)
  }

  /** As `xxh3BigInt`. */
  digestBigInt(): bigint {
    return native.xxh3DigestBigInt(this.#handle)
  }

  /** As `xxh128Hex`. */
  digest128Hex(): string {
    return native.xxh3Digest128Hex(this.#handle)
  }

  /** As `xxh128BigInt`. */
  digest128BigInt(): bigint {
    return native.xxh3Digest128BigInt(this.#handle)
  }

  /** Forgets all pieces, keeps the seed. */
  reset(): this {
    native.xxh3Reset(this.#handle)
    return this
  }
}

/**
 * The CRC-32C (Castagnoli, RFC 3720) of `data`: a number from 0 to 2^32 − 1. Data that comes in pieces: give the result for the
 * piece before as `previous`.
 */
export const crc32c: (data: HashInput, previous?: number) => number = native.crc32c

/** The CRC-32C of two pieces together, from that of each and the length of the second in bytes. */
export const crc32cCombine: (first: number, second: number, secondBytes: number) => number = native.crc32cCombine

/** The CRC-32C of many pieces of one buffer, in one call; buffer, offsets and errors as for `hashMany`. */
export const crc32cMany: (buffer: Uint8Array, offsets: Uint32Array, out: Uint32Array) => void = native.crc32cMany

/** The instructions that hashes use here: `scalar`, `sse`, `avx2`, `avx512` or `neon`. For information: the results are the same. */
export const hashPath: () => string = native.hashPath
