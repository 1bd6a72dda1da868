// Decodes results and pairs (FORMATS.md, Results). The bytes are in a reused buffer: whatever is kept is copied out.
import { codeName, RafterError } from '../../errors.js'
import type { As, Pair } from '../api.js'
import { explain } from '../text/explain.js'
import { copyOut } from './copy-out.js'
import { readU64 } from './integers.js'

export const RESULT_HEADER_BYTES = 16
export const PAIR_HEADER_BYTES = 40
/** Result flags. */
export const PUT_HAS_PREVIOUS = 1
export const TXN_SUCCEEDED = 1
export const RANGE_MORE = 1

/** A buffer of responses and its view. */
export class ResponseBuffer {
  readonly view: DataView
  /** The same memory without Buffer's class: slices of it are plain Uint8Arrays. */
  readonly plain: Uint8Array

  constructor(readonly bytes: Buffer) {
    this.view = new DataView(bytes.buffer)
    this.plain = new Uint8Array(bytes.buffer)
  }
}

/** One result, or one response of which the body is the result; a cursor that is moved from one to the next. */
export class Result {
  code = 0
  flags = 0
  revision = 0
  /** Where its body starts and ends. */
  start = 0
  end = 0

  constructor(public buffer: ResponseBuffer) {}

  /** Reads the result whose header is at `at`; returns where the next one starts. */
  read(at: number): number {
    const { view } = this.buffer
    const first = view.getUint32(at, true)
    this.code = first & 0xffff
    this.flags = first >>> 24
    this.revision = readU64(view, at + 8)
    this.start = at + RESULT_HEADER_BYTES
    this.end = this.start + view.getUint32(at + 4, true)
    return this.end
  }

  /** The body as text. */
  text(from = this.start): string {
    return this.buffer.bytes.toString('utf8', from, this.end)
  }

  /** What an error result says: `[u64 detail][text]`. */
  error(call: string): RafterError {
    const code = codeName(this.code)
    return new RafterError(code, explain(call, code, this.errorText().split('\0', 1)[0] ?? ''))
  }

  /** The text of an error result; may have details behind it. */
  errorText(): string {
    return this.end - this.start > 8 ? this.text(this.start + 8) : ''
  }

  /** The number in front of an error's text. */
  detail(): number {
    return this.end - this.start >= 8 ? readU64(this.buffer.view, this.start) : 0
  }
}

/** Bytes of the pair at `at`. */
export function pairBytes(view: DataView, at: number): number {
  return PAIR_HEADER_BYTES + view.getUint32(at, true) + view.getUint32(at + 4, true)
}

/** The pair at `at`, copied out. */
export function readPair<A extends As>(buffer: ResponseBuffer, at: number, as: A): Pair<A> {
  const { view } = buffer
  const keyAt = at + PAIR_HEADER_BYTES
  const valueAt = keyAt + view.getUint32(at, true)
  const end = valueAt + view.getUint32(at + 4, true)
  const pair = {
    key: read(buffer, keyAt, valueAt, as),
    value: read(buffer, valueAt, end, as),
    createRevision: readU64(view, at + 8),
    modRevision: readU64(view, at + 16),
    version: readU64(view, at + 24),
    lease: readU64(view, at + 32),
  }
  return pair as Pair<A>
}

/** The key bytes of the pair at `at`, copied out. */
export function readPairKey({ view, plain }: ResponseBuffer, at: number): Uint8Array {
  return plain.slice(at + PAIR_HEADER_BYTES, at + PAIR_HEADER_BYTES + view.getUint32(at, true))
}

/** The value of the pair at `at` as a string. */
export function readTextValue({ bytes, view }: ResponseBuffer, at: number): string {
  const start = at + PAIR_HEADER_BYTES + view.getUint32(at, true)
  return bytes.toString('utf8', start, start + view.getUint32(at + 4, true))
}

/** The value of the pair at `at` as bytes of its own. */
export function readBytesValue({ plain, view }: ResponseBuffer, at: number): Uint8Array {
  const start = at + PAIR_HEADER_BYTES + view.getUint32(at, true)
  return copyOut(plain, start, start + view.getUint32(at + 4, true))
}

/** `count` pairs from `at` on, as strings or bytes. */
export function readPairs<A extends As = 'string'>(buffer: ResponseBuffer, at: number, count: number, as: A): Pair<A>[] {
  const pairs: Pair<A>[] = new Array(count)
  for (let i = 0; i < count; i++) {
    pairs[i] = readPair(buffer, at, as)
    at += pairBytes(buffer.view, at)
  }
  return pairs
}

/** Whether a range result holds no pair only because the response was full. */
export function isCutOff(result: Result): boolean {
  return (result.flags & RANGE_MORE) !== 0 && result.buffer.view.getUint32(result.start + 8, true) === 0
}

function read(buffer: ResponseBuffer, start: number, end: number, as: As): string | Uint8Array {
  return as === 'bytes' ? copyOut(buffer.plain, start, end) : buffer.bytes.toString('utf8', start, end)
}
