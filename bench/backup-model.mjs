// What a store has at any revision, as whoever wrote it knows: told of each write once it is acknowledged, it makes them again in the order of
// their revisions, and holds that against every byte of a database. Asks no database what it should have.
import { createHash } from 'node:crypto'

const KEY_DIGITS = 9

export const keyOf = (index) => `key/${String(index).padStart(KEY_DIGITS, '0')}`

/** The value of the `write`-th write of a key: bytes that no compressor makes smaller, and that nobody has to remember. */
export function bytesOf(index, write, bytes) {
  const value = Buffer.allocUnsafe(bytes)
  let a = (index * 2_654_435_761 + write * 40_503 + 1) >>> 0 || 1
  for (let at = 0; at + 4 <= bytes; at += 4) {
    a ^= a << 13
    a ^= a >>> 17
    a ^= a << 5
    value.writeInt32LE(a | 0, at)
  }
  return value.fill(0x2e, bytes & ~3)
}

export class Model {
  /** [revision, index, write]; write 0: it was deleted. */
  #writes = []
  #isSorted = true

  constructor(keys, valueBytes) {
    this.keys = keys
    this.valueBytes = valueBytes
    this.next = new Uint32Array(keys)
  }

  /** A write that was acknowledged at that revision. */
  wrote(revision, index, write) {
    this.#writes.push([revision, index, write])
    this.#isSorted = false
  }

  /** Every key's last write up to a revision, with its revisions and version. */
  at(revision) {
    if (!this.#isSorted) this.#writes.sort(([a], [b]) => a - b)
    this.#isSorted = true
    const state = {
      write: new Uint32Array(this.keys),
      modified: new Float64Array(this.keys),
      created: new Float64Array(this.keys),
      version: new Uint32Array(this.keys),
    }
    for (const [at, index, write] of this.#writes) {
      if (at > revision) break
      if (write > 0 && state.write[index] === 0) [state.created[index], state.version[index]] = [at, 0]
      if (write > 0) state.version[index]++
      state.write[index] = write
      state.modified[index] = at
    }
    return state
  }

  /** Reads all of a database. Throws at the first byte that is not as it was at that revision; resolves to what was compared. */
  async compare(db, revision) {
    const state = this.at(revision)
    const sums = [createHash('sha256'), createHash('sha256')]
    let [index, pairs, bytes] = [0, 0, 0]
    const skip = () => {
      while (index < this.keys && state.write[index] === 0) index++
    }
    for await (const { key, value, createRevision, modRevision, version } of db.range({ as: 'bytes' })) {
      skip()
      if (index >= this.keys) throw new Error(`revision ${revision}: ${Buffer.from(key)} is there, and nobody wrote it`)
      const wanted = bytesOf(index, state.write[index], this.valueBytes)
      const has = `${Buffer.from(key)} ${createRevision} ${modRevision} ${version}`
      const should = `${keyOf(index)} ${state.created[index]} ${state.modified[index]} ${state.version[index]}`
      if (has !== should || wanted.compare(value) !== 0) {
        throw new Error(
          `revision ${revision}: there is ${has}, and should be ${should}, with${has === should ? ' another' : ' its'} value`,
        )
      }
      sums[0].update(has).update(value)
      sums[1].update(should).update(wanted)
      ;[index, pairs, bytes] = [index + 1, pairs + 1, bytes + value.length]
    }
    skip()
    if (index < this.keys) throw new Error(`revision ${revision}: ${keyOf(index)} is missing`)
    const [hash, model] = sums.map((sum) => sum.digest('hex'))
    if (hash !== model) throw new Error(`revision ${revision}: the hashes differ`)
    return { pairs, bytes, hash }
  }
}
