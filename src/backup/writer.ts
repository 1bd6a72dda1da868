// Makes the frames of one backup: compressed, sealed, numbered and counted. Writes them nowhere.
import { Compressor } from '../library/compress.js'
import {
  type Change,
  changeBytes,
  encodeEnd,
  encodeHeader,
  encodeMark,
  FrameKind,
  frameHeader,
  frameOf,
  type Header,
  headerSalt,
  MAGIC,
  type Mark,
  saltOf,
  viewOf,
  writeChange,
} from './format.js'
import { Seal, TAG_BYTES } from './seal.js'

/** Level of zstd: what fits a disk, and a network, that take 100 MB a second. */
export const LEVEL_DEFAULT = 3
/** A frame is written when it holds so many bytes. */
export const FRAME_BYTES = 256 * 1024

export class BackupWriter {
  readonly header: Header
  /** So far. */
  pairs = 0
  changes = 0
  bytes = 0
  readonly #seal: Seal | null
  readonly #salt: number
  readonly #compressor: Compressor
  readonly #head: Uint8Array
  #number = 0

  constructor(header: Omit<Header, 'cipher'>, key: Uint8Array | undefined, level: number) {
    this.#seal = key === undefined ? null : new Seal(key, header.id)
    this.header = { ...header, cipher: this.#seal === null ? null : { name: 'aes-256-gcm', check: this.#seal.check } }
    this.#salt = saltOf(header.id)
    this.#compressor = new Compressor({ algorithm: 'zstd', level })
    this.#head = encodeHeader(this.header)
  }

  /** What the file begins with. */
  begin(): Uint8Array {
    const size = this.#head.length
    const header = frameHeader({ kind: FrameKind.HEADER, rawBytes: size, storedBytes: size, number: this.#number++ })
    return this.#count(Buffer.concat([MAGIC, frameOf(header, this.#head, headerSalt())]))
  }

  /** Pairs in the wire's layout, one after the other. */
  pairsFrame(raw: Uint8Array, count: number): Uint8Array {
    this.pairs += count
    return this.#frame(FrameKind.PAIRS, raw, this.#compressor.compress(raw))
  }

  changesFrame(changes: readonly Change[]): Uint8Array {
    const raw = new Uint8Array(changes.reduce((bytes, change) => bytes + changeBytes(change), 0))
    const view = viewOf(raw)
    let at = 0
    for (const change of changes) at = writeChange(raw, view, at, change)
    this.changes += changes.length
    return this.#frame(FrameKind.CHANGES, raw, this.#compressor.compress(raw))
  }

  markFrame(mark: Mark): Uint8Array {
    const raw = encodeMark(mark)
    return this.#frame(FrameKind.MARK, raw, raw)
  }

  /** The last one. */
  endFrame({ revision, at }: Mark): Uint8Array {
    const raw = encodeEnd({ revision, at, pairs: this.pairs, changes: this.changes, frames: this.#number + 1 })
    return this.#frame(FrameKind.END, raw, raw)
  }

  #frame(kind: FrameKind, raw: Uint8Array, packed: Uint8Array): Uint8Array {
    const number = this.#number++
    const storedBytes = packed.length + (this.#seal === null ? 0 : TAG_BYTES)
    const header = frameHeader({ kind, rawBytes: raw.length, storedBytes, number })
    const stored = this.#seal === null ? packed : this.#seal.seal(packed, number, [this.#head, header])
    return this.#count(frameOf(header, stored, this.#salt))
  }

  #count(frame: Uint8Array): Uint8Array {
    this.bytes += frame.length
    return frame
  }
}
