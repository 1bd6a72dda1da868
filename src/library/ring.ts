// A consistent-hash ring: which node a key belongs to, so that few keys move when nodes come and go.
import type { Direct, Handle, Input } from '../native/direct.js'
import { loadBinding } from '../native/load.js'
import type { Seed } from './hash.js'
import { type Complete, checkOptions } from './options.js'
import { type PackedKeys, packKeys } from './packed-keys.js'

const native: Direct = loadBinding()

/** A node of a ring. */
export interface RingNode {
  /** What it is known by; the ring's points are made from it. From 1 to 255 bytes of UTF-8. */
  name: string
  /** Its share of the keys relative to the others; above 0, default 1. */
  weight?: number | undefined
  /** Where it stands (a rack, a region): replicas go to different zones as long as there are any. */
  zone?: string | undefined
}

export interface RingOptions {
  /** Places on the ring for a weight of 1, two points each; default 160. More spread the keys more evenly and take memory: 28 to 32 bytes each. */
  virtualNodes?: number | undefined
  /** Another seed puts the nodes elsewhere, default 0. The hash of a key does not depend on it. */
  seed?: Seed | undefined
}

/** Keys whose place differs between two rings: those with a hash from `first` to `last`, both included. */
export interface RingMove {
  first: bigint
  last: bigint
  /** Name of the node before. */
  from: string
  /** Name of the node after. */
  to: string
}

/** Keys as the batch calls take them: an array, or packed once with `packKeys`. */
export type Keys = readonly (string | Uint8Array)[] | PackedKeys

/**
 * A consistent-hash ring (Karger et al., 1997). It never changes: make another for other nodes. The same nodes, in whatever
 * order, give the same places on every machine.
 */
export class Ring {
  /** The nodes, in the order in which they were given; results are numbers of this order, or names. */
  readonly nodes: readonly Complete<Pick<RingNode, 'name' | 'weight'>>[]
  readonly #handle: Handle

  /**
   * A ring of at least one node. Throws TypeError or RangeError (INVALID_ARGUMENT) for names that are empty or double, weights
   * that are not above 0, or more points than fit.
   */
  constructor(nodes: readonly (string | RingNode)[], options: RingOptions = {}) {
    checkOptions('Ring', options, ['virtualNodes', 'seed'])
    const { virtualNodes = 160, seed = 0 } = options
    if (!Array.isArray(nodes)) throw new TypeError('nodes must be an array of names or of { name, weight?, zone? }')
    const given = nodes.map((node, at) => asNode(node, at))
    this.nodes = given.map(({ name, weight }) => ({ name, weight }))
    this.#handle = native.ringNew(
      given.map(({ name }) => name),
      Float64Array.from(given, ({ weight }) => weight),
      given.map(({ zone }) => zone),
      virtualNodes,
      seed,
    )
  }

  /** Name of the node that a key belongs to. */
  lookup(key: Input): string {
    return this.#nameOf(native.ringLookup(this.#handle, key))
  }

  /** The same as a number: its place in `nodes`. */
  lookupIndex(key: Input): number {
    return native.ringLookup(this.#handle, key)
  }

  /** Nodes of many keys, as places in `nodes`, in one call. `out` saves the allocation of the result; as long as there are keys. */
  lookupMany(keys: Keys, out?: Uint32Array): Uint32Array {
    const { buffer, offsets } = packed(keys)
    const places = out === undefined ? placesFor(offsets, 1) : out
    native.ringLookupMany(this.#handle, buffer, offsets, places)
    return places
  }

  /**
   * Names of `count` different nodes for the copies of a key, the first as of `lookup`. While a zone without a copy is left, no
   * zone gets a second one. Fewer nodes than `count`: all of them; at most 64.
   */
  replicas(key: Input, count: number): string[] {
    checkCount(count)
    const out = new Uint32Array(Math.min(count, this.nodes.length))
    const found = native.ringReplicas(this.#handle, key, out)
    return Array.from(out.subarray(0, found), (index) => this.#nameOf(index))
  }

  /** `replicas` of many keys: `min(count, nodes.length)` places in `nodes` for each key, one key after the other. */
  replicasMany(keys: Keys, count: number): Uint32Array {
    checkCount(count)
    const { buffer, offsets } = packed(keys)
    const each = Math.min(count, this.nodes.length)
    const out = placesFor(offsets, each)
    native.ringReplicasMany(this.#handle, buffer, offsets, each, out)
    return out
  }

  /**
   * Places all of `keys` so that no node gets more than (1 + `epsilon`) times its share, rounded up (Mirrokni, Thorup,
   * Zadimoghaddam: consistent hashing with bounded loads, 2016). A key whose node is full goes to the next one on the ring, so
   * the result depends on all keys, not on their order. `epsilon` from 0.001 to 1,000, default 0.05.
   */
  assignMany(keys: Keys, epsilon = 0.05): Uint32Array {
    const { buffer, offsets } = packed(keys)
    const out = placesFor(offsets, 1)
    native.ringAssignMany(this.#handle, buffer, offsets, epsilon, out)
    return out
  }

  /** What moves from `before` to `after`: a key moves exactly if its `hash` (`xxh3BigInt(key)`) is in one of the ranges. */
  static diff(before: Ring, after: Ring): RingMove[] {
    if (!(before instanceof Ring) || !(after instanceof Ring)) throw new TypeError('before and after must be Rings')
    const [hashes, nodes] = native.ringDiff(before.#handle, after.#handle)
    return Array.from({ length: hashes.length / 2 }, (_, i) => ({
      first: hashes[2 * i] as bigint,
      last: hashes[2 * i + 1] as bigint,
      from: before.#nameOf(nodes[2 * i] as number),
      to: after.#nameOf(nodes[2 * i + 1] as number),
    }))
  }

  #nameOf(index: number): string {
    return (this.nodes[index] as RingNode).name
  }
}

/** A node with all of its fields; an empty zone is none. */
function asNode(node: string | RingNode, at: number): Complete<RingNode> {
  if (typeof node !== 'string') checkOptions(`node ${at}`, node, ['name', 'weight', 'zone'])
  const { name, weight = 1, zone = '' } = typeof node === 'string' ? { name: node } : node
  if (typeof name !== 'string') throw new TypeError(`node ${at} must be a name or { name, weight?, zone? }`)
  if (typeof weight !== 'number') throw new TypeError(`the weight of ${name} must be a number, not ${typeof weight}`)
  if (typeof zone !== 'string') throw new TypeError(`the zone of ${name} must be a string, not ${typeof zone}`)
  return { name, weight, zone }
}

function packed(keys: Keys): PackedKeys {
  if (Array.isArray(keys)) return packKeys(keys)
  const { buffer, offsets } = (keys ?? {}) as PackedKeys
  if (!buffer || !offsets) throw new TypeError('keys must be an array of strings and Uint8Arrays, or made by packKeys')
  return { buffer, offsets }
}

/** Room for `each` results a key. */
function placesFor(offsets: Uint32Array, each: number): Uint32Array {
  return new Uint32Array(Math.max(offsets.length - 1, 0) * each)
}

function checkCount(count: number): void {
  if (typeof count !== 'number') throw new TypeError(`count must be a number, not ${typeof count}`)
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`count must be a whole number from 1 on, not ${count}`)
}
