// The bytes of a backup, as crates/codec/FORMATS.md has them ("Backups"): the one owner of its frames. Pure; knows no files and no keys.
import { RafterError } from '../errors.js'
import { crc32c } from '../library/hash.js'

/** What a frame holds. */
export const FrameKind = { HEADER: 1, PAIRS: 2, CHANGES: 3, MARK: 4, END: 5 } as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

/** The first eight bytes. */
export const MAGIC: Uint8Array = Buffer.from('RDBBACK1')
export const FRAME_HEADER_BYTES = 28
/** Longest stored part of a frame: its largest record, and what compression and sealing may add. */
export const STORED_BYTES_MAX = 16 * 2 ** 20
/** Version of what the header says. */
export const FORMAT = 1
const ID_BYTES = 16
const STORED_SUM_AT = 12
const HEADER_SUM_AT = 24
const END_BYTES = 40
const MARK_BYTES = 16
const PAIR_HEADER_BYTES = 40
const EVENT_HEADER_BYTES = 4
const DELETED = 1

/** The first frame: JSON, never sealed, and under the seal of every other frame. */
export interface Header {
  format: number
  /** 32 hex digits, random: what the next backup of the chain names. */
  id: string
  kind: 'full' | 'incremental'
  /** Identity of the cluster. */
  cluster: string
  /** A full one: the revision of its pairs. An incremental one: the revision that its changes come after. */
  from: number
  /** Id of the backup that this one continues; null: none, it is full. */
  parent: string | null
  /** Milliseconds since 1970: the store had come to `from` by then. */
  at: number
  /** What tells a wrong key from damage; null: not encrypted. */
  cipher: { name: 'aes-256-gcm'; check: string } | null
}

/** The last frame: how far the backup goes, and how much it holds. */
export interface End {
  revision: number
  pairs: number
  changes: number
  /** Milliseconds since 1970: the store had come to `revision` by then. */
  at: number
  frames: number
}

/** The store had come to `revision` by the time `at`, and every change up to it is in the frames before. */
export interface Mark {
  revision: number
  at: number
}

/** What a frame's first bytes say. Nothing of it is sure before `isHeaderSound`. */
export interface FrameHeader {
  kind: number
  rawBytes: number
  storedBytes: number
  number: number
}

/** Bytes of the whole END frame; `added`: what sealing adds. */
export const endFrameBytes = (added: number): number => FRAME_HEADER_BYTES + END_BYTES + added

export function readFrameHeader(bytes: Uint8Array, at = 0): FrameHeader {
  const view = viewOf(bytes)
  return {
    kind: view.getUint32(at, true),
    rawBytes: view.getUint32(at + 4, true),
    storedBytes: view.getUint32(at + 8, true),
    number: readU64(view, at + 16),
  }
}

/** A frame's first bytes without checksums: so they stand under the seal. */
export function frameHeader({ kind, rawBytes, storedBytes, number }: FrameHeader): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES)
  const view = viewOf(bytes)
  view.setUint32(0, kind, true)
  view.setUint32(4, rawBytes, true)
  view.setUint32(8, storedBytes, true)
  writeU64(view, 16, number)
  return bytes
}

/** The whole frame; `salt` is what the checksums of its file's headers begin with. */
export function frameOf(header: Uint8Array, stored: Uint8Array, salt: number): Uint8Array {
  const frame = Buffer.concat([header, stored])
  const view = viewOf(frame)
  view.setUint32(STORED_SUM_AT, crc32c(stored), true)
  view.setUint32(HEADER_SUM_AT, crc32c(frame.subarray(0, HEADER_SUM_AT), salt), true)
  return frame
}

/** Whether a frame's first bytes are as they were written, and of the file whose `salt` that is: then its length is to be believed. */
export const isHeaderSound = (header: Uint8Array, salt: number): boolean =>
  viewOf(header).getUint32(HEADER_SUM_AT, true) === crc32c(header.subarray(0, HEADER_SUM_AT), salt)

/** Whether what is stored behind a sound header is as it was written. */
export const isStoredSound = (header: Uint8Array, stored: Uint8Array): boolean =>
  viewOf(header).getUint32(STORED_SUM_AT, true) === crc32c(stored)

/** What the checksums of a file begin with, so that no frame passes for one of another file; the header's begins with the magic. */
export const saltOf = (id: string): number => crc32c(Buffer.from(id, 'hex'))
export const headerSalt = (): number => crc32c(MAGIC)

export const encodeHeader = (header: Header): Uint8Array => Buffer.from(JSON.stringify(header))

/** FORMAT_NEWER, BACKUP_DAMAGED. */
export function decodeHeader(raw: Uint8Array, name: string): Header {
  const header = JSON.parse(Buffer.from(raw).toString()) as Header
  if (header.format > FORMAT) {
    throw new RafterError('FORMAT_NEWER', `${name}: a backup of format ${header.format}; this version reads ${FORMAT}: upgrade`)
  }
  const isWhole = /^[0-9a-f]{32}$/.test(header.id) && Number.isSafeInteger(header.from) && header.format === FORMAT
  if (!isWhole) throw damaged(name, 'its header makes no sense')
  return header
}

export function encodeEnd({ revision, pairs, changes, at, frames }: End): Uint8Array {
  return numbers(END_BYTES, [revision, pairs, changes, at, frames])
}

export function decodeEnd(raw: Uint8Array, name: string): End {
  if (raw.length !== END_BYTES) throw damaged(name, 'its end makes no sense')
  const view = viewOf(raw)
  const [revision = 0, pairs = 0, changes = 0, at = 0, frames = 0] = [0, 8, 16, 24, 32].map((place) => readU64(view, place))
  return { revision, pairs, changes, at, frames }
}

export const encodeMark = ({ revision, at }: Mark): Uint8Array => numbers(MARK_BYTES, [revision, at])

export function decodeMark(raw: Uint8Array, name: string): Mark {
  if (raw.length !== MARK_BYTES) throw damaged(name, 'a mark makes no sense')
  const view = viewOf(raw)
  return { revision: readU64(view, 0), at: readU64(view, 8) }
}

/** A change, as a watch tells of it: an event and a pair of the wire's layouts. */
export interface Change {
  type: 'put' | 'delete'
  revision: number
  key: Uint8Array
  value?: Uint8Array | undefined
  createRevision: number
  version: number
}

export const changeBytes = ({ key, value }: Change): number =>
  EVENT_HEADER_BYTES + PAIR_HEADER_BYTES + key.length + (value?.length ?? 0)

/** Writes a change at `at`; returns where the next one begins. */
export function writeChange(out: Uint8Array, view: DataView, at: number, change: Change): number {
  const { type, revision, key, value, createRevision, version } = change
  view.setUint32(at, type === 'delete' ? DELETED : 0, true)
  const pairAt = at + EVENT_HEADER_BYTES
  view.setUint32(pairAt, key.length, true)
  view.setUint32(pairAt + 4, value?.length ?? 0, true)
  writeU64(view, pairAt + 8, createRevision)
  writeU64(view, pairAt + 16, revision)
  writeU64(view, pairAt + 24, version)
  writeU64(view, pairAt + 32, 0)
  const keyAt = pairAt + PAIR_HEADER_BYTES
  out.set(key, keyAt)
  if (value !== undefined) out.set(value, keyAt + key.length)
  return keyAt + key.length + (value?.length ?? 0)
}

/** Where a pair lies, and what it says of itself. */
export interface PairPlace {
  key: Uint8Array
  createRevision: number
  modRevision: number
  version: number
  /** Where the next one begins. */
  end: number
}

/** The pair at `at`; null: what is there is none. */
export function pairAt(bytes: Uint8Array, view: DataView, at: number): PairPlace | null {
  if (at + PAIR_HEADER_BYTES > bytes.length) return null
  const keyAt = at + PAIR_HEADER_BYTES
  const valueAt = keyAt + view.getUint32(at, true)
  const end = valueAt + view.getUint32(at + 4, true)
  if (valueAt === keyAt || end > bytes.length) return null
  return {
    key: bytes.subarray(keyAt, valueAt),
    createRevision: readU64(view, at + 8),
    modRevision: readU64(view, at + 16),
    version: readU64(view, at + 24),
    end,
  }
}

/** The change at `at`, without its value; null: what is there is none. */
export function changeAt(bytes: Uint8Array, view: DataView, at: number): (PairPlace & { isDelete: boolean }) | null {
  const kind = at + EVENT_HEADER_BYTES > bytes.length ? -1 : view.getUint32(at, true)
  if (kind !== 0 && kind !== DELETED) return null
  const pair = pairAt(bytes, view, at + EVENT_HEADER_BYTES)
  return pair === null ? null : { ...pair, isDelete: kind === DELETED }
}

export const damaged = (name: string, what: string): RafterError =>
  new RafterError('BACKUP_DAMAGED', `${name}: ${what}; use another copy of it`)

export const truncated = (name: string): RafterError =>
  new RafterError('BACKUP_TRUNCATED', `${name} ends before its end: it was cut short, or is still being written`)

export const newId = (random: (bytes: number) => Uint8Array): string => Buffer.from(random(ID_BYTES)).toString('hex')

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function numbers(bytes: number, values: number[]): Uint8Array {
  const raw = new Uint8Array(bytes)
  for (const [i, value] of values.entries()) writeU64(viewOf(raw), 8 * i, value)
  return raw
}

/** An unsigned integer below 2^53, little-endian in eight bytes. */
function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true)
  view.setUint32(at + 4, value / 0x1_0000_0000, true)
}

function readU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000
}
