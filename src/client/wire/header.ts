// The headers of requests and of the batches in them (FORMATS.md, Requests and responses, Batch body). Knows no bodies.
import { writeU64 } from './integers.js'

/**
 * ```
 * 0   u32 bytes of the body
 * 4   u8  kind of the request     a response has its code in bytes 6 and 7, and flags in byte 5
 * 6   u16 Raft group
 * 8   u64 id, which the response repeats
 * ```
 */
export const HEADER_BYTES = 16

/**
 * ```
 * 16  u64 session      0: none
 * 24  u64 sequence in the session
 * 32  u64 lowest sequence that is not answered
 * 40  u32 flags
 * 44  u32 operations
 * ```
 */
export const BATCH_HEADER_BYTES = 32
/** Header of a WRITE and of the batch in it. */
export const WRITE_HEADER_BYTES = HEADER_BYTES + BATCH_HEADER_BYTES
/** Header of a READ: `[u8 consistency][3 × 0][u32 operations][u64 most ms behind]` follow the request's. */
export const READ_HEADER_BYTES = HEADER_BYTES + 16
/** Flag of a batch: its sequence was sent before. */
const BATCH_RETRY = 1
/** Flag of a batch: it starts a session, and has no operations. */
const BATCH_START = 2

/** Writes the header of a request that begins at `at`. */
export function writeHeader(view: DataView, at: number, bodyBytes: number, kind: number, group: number, id: number): void {
  view.setUint32(at, bodyBytes, true)
  view.setUint32(at + 4, kind | (group << 16), true)
  writeU64(view, at + 8, id)
}

/** The Raft group of the request at `at`. */
export function readGroup(view: DataView, at: number): number {
  return view.getUint16(at + 6, true)
}

/** Writes the place in a session of the batch at `at`. */
export function writeBatchPlace(view: DataView, at: number, session: number, sequence: number, lowest: number): void {
  writeU64(view, at, session)
  writeU64(view, at + 8, sequence)
  writeU64(view, at + 16, lowest)
}

/** Writes the flags and the number of operations of the batch at `at`, which was not sent before. */
export function writeBatchCount(view: DataView, at: number, operations: number): void {
  view.setUint32(at + 24, 0, true)
  view.setUint32(at + 28, operations, true)
}

/** Says that the batch at `at`, which has no operations, starts a session. */
export function writeBatchStart(view: DataView, at: number): void {
  view.setUint32(at + 24, BATCH_START, true)
}

/** Says that the batch at `at` may have been sent before. */
export function writeBatchRetry(view: DataView, at: number): void {
  view.setUint32(at + 24, BATCH_RETRY, true)
}

/** Writes what a READ whose request begins at `at` is to be, but for its number of operations. */
export function writeReadHeader(view: DataView, at: number, consistency: number, maxStaleness: number): void {
  view.setUint32(at + 16, consistency, true)
  writeU64(view, at + 24, maxStaleness)
}

/** Writes the number of operations of the READ whose request begins at `at`. */
export function writeReadCount(view: DataView, at: number, operations: number): void {
  view.setUint32(at + 20, operations, true)
}
