// Reads the frames of one backup and believes none of them before its checksum, its seal and its place are right.

import { RafterError } from '../errors.js'
import { Decompressor } from '../library/compress.js'
import {
  damaged,
  decodeEnd,
  decodeHeader,
  decodeMark,
  type End,
  encodeHeader,
  endFrameBytes,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  FrameKind,
  frameHeader,
  type Header,
  headerSalt,
  isHeaderSound,
  isStoredSound,
  MAGIC,
  type Mark,
  readFrameHeader,
  STORED_BYTES_MAX,
  saltOf,
  truncated,
} from './format.js'
import { type Seal, sealFor, TAG_BYTES } from './seal.js'

/** What a backup holds, piece by piece; END is the last. */
export type Piece =
  | { kind: 'pairs'; raw: Uint8Array }
  | { kind: 'changes'; raw: Uint8Array }
  | ({ kind: 'mark' } & Mark)
  | ({ kind: 'end' } & End)

/** One file, being read: its header, then its pieces to the end. */
export interface OpenBackup {
  header: Header
  pieces(): AsyncGenerator<Piece, void>
}

const RAW_BYTES_MAX = 2 * STORED_BYTES_MAX

/** Reads the header. BACKUP_DAMAGED, BACKUP_TRUNCATED, BACKUP_KEY_WRONG, FORMAT_NEWER; `name` is for messages. */
export async function openBackup(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  key: Uint8Array | undefined,
): Promise<OpenBackup> {
  const bytes = new ByteReader(chunks, name)
  try {
    return await opened(bytes, name, key)
  } catch (error) {
    await bytes.close()
    throw error
  }
}

async function opened(bytes: ByteReader, name: string, key: Uint8Array | undefined): Promise<OpenBackup> {
  const magic = await bytes.take(MAGIC.length)
  if (Buffer.compare(magic, MAGIC) !== 0) throw damaged(name, 'it is no backup of rafterdb, or its first bytes are damaged')
  const { stored, header: first } = await takeFrame(bytes, name, headerSalt(), 0)
  if (first.kind !== FrameKind.HEADER) throw damaged(name, 'it does not begin with a header')
  const header = decodeHeader(stored, name)
  const opener = new Opener(header, sealFor(header, key, name), name)
  return { header, pieces: () => pieces(bytes, opener, name) }
}

async function* pieces(bytes: ByteReader, opener: Opener, name: string): AsyncGenerator<Piece, void> {
  try {
    for (let number = 1; ; number++) {
      const { stored, header } = await takeFrame(bytes, name, opener.salt, number)
      const piece = pieceOf(header, opener.open(stored, header), name)
      if (piece.kind === 'end') {
        if (piece.frames !== number + 1) throw damaged(name, 'a frame is missing')
        if (!(await bytes.isAtEnd())) throw damaged(name, 'there is more behind its end')
      }
      yield piece
      if (piece.kind === 'end') return
    }
  } finally {
    await bytes.close()
  }
}

function pieceOf(header: FrameHeader, raw: Uint8Array, name: string): Piece {
  switch (header.kind) {
    case FrameKind.PAIRS:
      return { kind: 'pairs', raw }
    case FrameKind.CHANGES:
      return { kind: 'changes', raw }
    case FrameKind.MARK:
      return { kind: 'mark', ...decodeMark(raw, name) }
    case FrameKind.END:
      return { kind: 'end', ...decodeEnd(raw, name) }
    default:
      throw damaged(name, `a frame is of kind ${header.kind}, which this version does not know`)
  }
}

/** The end that stands in the last bytes of a file whose header is known. BACKUP_TRUNCATED if they are no end. */
export function readEnd(tail: Uint8Array, header: Header, name: string, key: Uint8Array | undefined): End {
  const opener = new Opener(header, sealFor(header, key, name), name)
  const frame = tail.subarray(Math.max(0, tail.length - endBytes(header)))
  if (frame.length < endBytes(header) || !isHeaderSound(frame.subarray(0, FRAME_HEADER_BYTES), opener.salt)) throw truncated(name)
  const first = readFrameHeader(frame)
  const stored = frame.subarray(FRAME_HEADER_BYTES)
  if (first.kind !== FrameKind.END) throw truncated(name)
  if (!isStoredSound(frame, stored)) throw damaged(name, 'the checksum of its end is wrong')
  return decodeEnd(opener.open(stored, first), name)
}

/** Bytes of the last frame of a file. */
export const endBytes = (header: Header): number => endFrameBytes(header.cipher === null ? 0 : TAG_BYTES)

async function takeFrame(bytes: ByteReader, name: string, salt: number, number: number) {
  const first = await bytes.take(FRAME_HEADER_BYTES)
  if (!isHeaderSound(first, salt)) throw damaged(name, `the checksum of the header of frame ${number} is wrong`)
  const header = readFrameHeader(first)
  if (header.storedBytes > STORED_BYTES_MAX || header.rawBytes > RAW_BYTES_MAX) throw damaged(name, 'a length makes no sense')
  if (header.number !== number) throw damaged(name, `frame ${number} is missing, or not in its place`)
  const stored = await bytes.take(header.storedBytes)
  if (!isStoredSound(first, stored)) throw damaged(name, `the checksum of frame ${number} is wrong`)
  return { stored, header }
}

/** Unseals and unpacks frames. */
class Opener {
  readonly salt: number
  readonly #decompressor = new Decompressor({ bytesMax: RAW_BYTES_MAX })
  readonly #head: Uint8Array

  constructor(
    header: Header,
    private readonly seal: Seal | null,
    private readonly name: string,
  ) {
    this.salt = saltOf(header.id)
    this.#head = encodeHeader(header)
  }

  open(stored: Uint8Array, header: FrameHeader): Uint8Array {
    const packed = this.seal === null ? stored : this.seal.open(stored, header.number, [this.#head, frameHeader(header)])
    if (packed === null) throw damaged(this.name, `frame ${header.number} was changed by somebody without the key`)
    const raw = header.kind === FrameKind.PAIRS || header.kind === FrameKind.CHANGES ? this.#unpack(packed, header) : packed
    if (raw.length !== header.rawBytes) throw damaged(this.name, `frame ${header.number} is not as long as it says`)
    return raw
  }

  #unpack(packed: Uint8Array, header: FrameHeader): Uint8Array {
    try {
      return this.#decompressor.decompress(packed)
    } catch (error) {
      throw damaged(this.name, `frame ${header.number} cannot be unpacked (${(error as Error).message})`)
    }
  }
}

/** Takes so many bytes of a stream of chunks. */
class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)

  constructor(
    chunks: AsyncIterable<Uint8Array>,
    private readonly name: string,
  ) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** BACKUP_TRUNCATED if there are fewer. */
  async take(count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let missing = count
    while (missing > 0) {
      if (this.#rest.length === 0 && !(await this.#more())) throw truncated(this.name)
      const part = this.#rest.subarray(0, missing)
      this.#rest = this.#rest.subarray(part.length)
      parts.push(part)
      missing -= part.length
    }
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
  }

  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && !(await this.#more())
  }

  /** Nobody reads on: whoever gives the bytes may close a file. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next().catch((error: unknown) => {
      if (error instanceof RafterError) throw error
      throw new RafterError('IO', `${this.name} cannot be read: ${(error as Error).message}`)
    })
    if (next.done === true) return false
    this.#rest = next.value
    return this.#rest.length > 0 || this.#more()
  }
}
