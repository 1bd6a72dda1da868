// What a liar does to bytes: numbers at their edges, lengths that lie, pieces missing, doubled or garbled. Seeded.
import type { Random } from '../client/random.js'

const EDGES = [
  0n,
  1n,
  2n,
  255n,
  2n ** 16n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
]

/** A number at an edge, or one off it. */
export function edge(random: Random): bigint {
  const off = BigInt(random.below(3) - 1)
  return BigInt.asUintN(64, random.pick(EDGES) + off)
}

/** `sane`, most of the time. */
export function oddly(random: Random, sane: number | bigint): bigint {
  return random.below(12) === 0 ? edge(random) : BigInt(sane)
}

/** The low bytes of a number. */
export function le(value: bigint | number, bytes: number): Buffer {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)))
  return out.subarray(0, bytes)
}

export function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)))
}

const changes: ((random: Random, bytes: Buffer) => Buffer)[] = [
  (random, bytes) => bytes.subarray(0, random.below(bytes.length)),
  (random, bytes) => Buffer.concat([bytes, noise(random, 1 + random.below(40))]),
  (random, bytes) => overwrite(bytes, random.below(bytes.length), noise(random, 1)),
  (random, bytes) => overwrite(bytes, random.below(bytes.length), le(edge(random), 4)),
  (random, bytes) => overwrite(bytes, random.below(bytes.length), le(edge(random), 8)),
  (random, bytes) => {
    const at = random.below(bytes.length)
    const piece = bytes.subarray(at, at + 1 + random.below(60))
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
  },
]

function overwrite(bytes: Buffer, at: number, piece: Buffer): Buffer {
  const out = Buffer.from(bytes)
  piece.copy(out, at)
  return out
}

/** `bytes` after up to three such changes. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let out = bytes
  for (let n = 1 + random.below(3); n > 0 && out.length > 0; n--) out = random.pick(changes)(random, out)
  return out
}
