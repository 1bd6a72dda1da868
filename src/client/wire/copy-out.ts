// Copies of values that outlive the reused buffer they came in. A Uint8Array of its own is dear above the size that the
// engine keeps on its heap (measured, Node 20: 1,080 ns for 256 bytes, 226 ns as a part of a shared buffer).
import { markAsUntransferable } from 'node:worker_threads'

/** Up to here the engine keeps the bytes in the object itself. */
const ON_HEAP_BYTES_MAX = 64
/** Up to here a copy is part of a shared buffer, which lives as long as one of its parts. */
const SHARED_BYTES_MAX = 1024
const SHARED_BUFFER_BYTES = 16_384

let shared = new ArrayBuffer(0)
let used = 0

/** The bytes from `start` to `end` as a Uint8Array that nothing writes to later. */
export function copyOut(from: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start
  if (length <= ON_HEAP_BYTES_MAX || length > SHARED_BYTES_MAX) return from.slice(start, end)
  if (used + length > shared.byteLength) {
    shared = new ArrayBuffer(SHARED_BUFFER_BYTES)
    // Handing one value to another thread must not take its neighbours along.
    markAsUntransferable(shared)
    used = 0
  }
  const copy = new Uint8Array(shared, used, length)
  copy.set(from.subarray(start, end))
  used += length
  return copy
}
