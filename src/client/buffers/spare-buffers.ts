// The large buffers of clients. What a closed client had serves the next one: left to the collector, which counts them for little, many
// clients one after another had 70 MiB of them lie about. Each thread has its own. Knows nothing of what is in them.

/** Bytes of each: two full batches, or as many responses as are drained at once. */
export const BUFFER_BYTES = 262_144
/** Buffers kept in a thread without a client: those of four. */
const SPARE_MAX = 16

const spare: Buffer[] = []

/** A buffer of BUFFER_BYTES, with whatever was in it. */
export function acquireBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
}

/** Takes a buffer back that nobody refers to any more. One of another size is left to the collector. */
export function releaseBuffer(buffer: Buffer): void {
  if (buffer.length === BUFFER_BYTES && spare.length < SPARE_MAX) spare.push(buffer)
}
