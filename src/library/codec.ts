// The layouts of the log and the network: frames with a checksum for any byte stream, entries one after the other.
// The layouts themselves are crates/codec's; nothing of a payload is copied but by `encodeTo`.
import type { Direct } from '../native/direct.js'
import { loadBinding } from '../native/load.js'
import { checkOptions } from './options.js'

const native: Direct = loadBinding()

/** Bytes before a frame's body. */
export const FRAME_HEADER_BYTES = 8

/** Bytes before an entry's body. */
export const ENTRY_HEADER_BYTES = 8

/** Bytes of a body that are taken unless told otherwise: 64 MiB. */
export const FRAME_BODY_BYTES_MAX = 64 * 2 ** 20

/** A body, in one piece or in several that follow one another. Shared and detached memory is a TypeError. */
export type Body = ArrayBufferView | readonly ArrayBufferView[]

/** Frames and entries that are looked for in one call. */
const FOUND_MAX = 1_024

const found = new Uint32Array(3 * FOUND_MAX + 1)

/** `[u32 length of the body][u32 CRC-32C of the body][body]`, little-endian. */
export const frame = {
  /** Bytes of the frame around `body`. */
  encodedSize(body: Body): number {
    return FRAME_HEADER_BYTES + bytesOf(body)
  },

  /**
   * The eight bytes that go before `body`: for writing header and pieces one after the other (`socket.cork`, `fs.writev`), so
   * that no payload is copied.
   */
  header(body: Body): Uint8Array {
    return native.frameHeader(body)
  },

  /** Writes the frame to `out` from `at` on; returns its bytes. RangeError if it does not fit. */
  encodeTo(body: Body, out: Uint8Array, at = 0): number {
    return native.frameEncode(body, out, at)
  },

  /**
   * The frame that begins at `at`: its body, which lies in `input`, and the bytes of the frame. Undefined if it is not there
   * whole. Throws an Error with code PROTOCOL_ERROR for a checksum that does not match or a body above `bodyBytesMax`.
   */
  decodeFrom(
    input: Uint8Array,
    at = 0,
    bodyBytesMax: number = FRAME_BODY_BYTES_MAX,
  ): { body: Uint8Array; bytes: number } | undefined {
    const one = new Uint32Array(3)
    if (native.framesDecode(input, at, bodyBytesMax, one) === 0) return undefined
    return { body: input.subarray(one[0], one[1]), bytes: (one[2] as number) - at }
  },
}

/** Cuts frames out of a stream of chunks. */
export class FrameDecoder {
  readonly #bodyBytesMax: number
  /** A frame that is not whole yet: its first `#used` bytes. */
  #pending: Uint8Array = new Uint8Array(0)
  #used = 0

  /** `bodyBytesMax` bounds what is believed of a length, in bytes; default 64 MiB. */
  constructor(options: { bodyBytesMax?: number | undefined } = {}) {
    checkOptions('FrameDecoder', options, ['bodyBytesMax'])
    const { bodyBytesMax = FRAME_BODY_BYTES_MAX } = options
    this.#bodyBytesMax = bodyBytesMax
    native.frameMissing(this.#pending, bodyBytesMax)
  }

  /**
   * Takes the next chunk of the stream; returns the bodies that are whole now. They lie in the chunk where they can, so it must
   * not change while they are used. Throws an Error with code PROTOCOL_ERROR as `frame.decodeFrom`; the stream ends there.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const bodies: Uint8Array[] = []
    let at = this.#used > 0 ? this.#complete(chunk, bodies) : 0
    at = this.#cut(chunk, at, bodies)
    if (at < chunk.length) this.#keep(chunk, at, chunk.length)
    return bodies
  }

  /** Bytes of a frame that is not whole yet. */
  get pendingBytes(): number {
    return this.#used
  }

  /** Adds to the frame that is not whole. Returns where in the chunk the next one begins. */
  #complete(chunk: Uint8Array, bodies: Uint8Array[]): number {
    for (let at = 0; ; ) {
      const missing = native.frameMissing(this.#pending.subarray(0, this.#used), this.#bodyBytesMax)
      if (missing === 0) {
        this.#cut(this.#pending.subarray(0, this.#used), 0, bodies)
        this.#pending = new Uint8Array(0)
        this.#used = 0
        return at
      }
      if (at === chunk.length) return at
      const end = Math.min(at + missing, chunk.length)
      this.#keep(chunk, at, end, missing)
      at = end
    }
  }

  /** Cuts whole frames from `at` on; returns where the rest begins. */
  #cut(input: Uint8Array, at: number, bodies: Uint8Array[]): number {
    for (let count = FOUND_MAX; count === FOUND_MAX; ) {
      count = native.framesDecode(input, at, this.#bodyBytesMax, found.subarray(0, 2 * FOUND_MAX + 1))
      for (let i = 0; i < count; i++) bodies.push(input.subarray(found[2 * i], found[2 * i + 1]))
      at = found[2 * count] as number
    }
    return at
  }

  /** Copies a part of the chunk. Room grows with what has come, never with what a length announces alone. */
  #keep(chunk: Uint8Array, from: number, to: number, missing = 0): void {
    const needed = this.#used + to - from
    if (needed > this.#pending.length) {
      const room = Math.max(needed, Math.min(this.#used + missing, 2 * needed))
      const larger = new Uint8Array(room)
      larger.set(this.#pending.subarray(0, this.#used))
      this.#pending = larger
    }
    this.#pending.set(chunk.subarray(from, to), this.#used)
    this.#used = needed
  }
}

/** An entry of a log. */
export interface Entry {
  /** From 0 to 255; what it means is the caller's. */
  kind: number
  /** Lies in what was decoded. */
  body: Uint8Array
}

/** `[u32 length of the body][u8 kind][3 × 0][body]`, little-endian. No checksum: a frame or a record around it has one. */
export const entry = {
  /** Bytes of the entry around `body`. */
  encodedSize(body: ArrayBufferView): number {
    return ENTRY_HEADER_BYTES + bytesOf(body)
  },

  /** Writes an entry to `out` from `at` on; returns its bytes. RangeError if it does not fit. */
  encodeTo(kind: number, body: ArrayBufferView, out: Uint8Array, at = 0): number {
    return native.entryEncode(kind, body, out, at)
  },

  /** All entries of a block. Throws an Error with code PROTOCOL_ERROR if one is cut short, or its header says what is not known. */
  decodeFrom(block: Uint8Array): Entry[] {
    const entries: Entry[] = []
    let at = 0
    for (let count = FOUND_MAX; count === FOUND_MAX; ) {
      count = native.entriesDecode(block, at, found)
      for (let i = 0; i < count; i++) {
        entries.push({ kind: found[3 * i] as number, body: block.subarray(found[3 * i + 1], found[3 * i + 2]) })
      }
      at = found[3 * count] as number
    }
    return entries
  },
}

function bytesOf(body: Body): number {
  if (ArrayBuffer.isView(body)) return body.byteLength
  if (!Array.isArray(body)) throw new TypeError('body must be a Buffer, typed array or DataView, or an array of these')
  return body.reduce((bytes, piece) => bytes + bytesOf(piece), 0)
}
