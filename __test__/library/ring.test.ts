// The ring of Node: the same places as everywhere, few keys move, replicas stand apart, loads are bounded.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packKeys, Ring, type RingNode, xxh3BigInt } from '../../src/library/index.js'

const keys = Array.from({ length: 5_000 }, (_, i) => `key/${i}`)
const names = (count: number) => Array.from({ length: count }, (_, i) => `node-${i}`)

const nodesOf = fc.uniqueArray(
  fc.record({ name: fc.string({ minLength: 1, maxLength: 12 }), weight: fc.double({ min: 0.2, max: 5, noNaN: true }) }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 12 },
)

test('all ways to ask give the same node', () => {
  const ring = new Ring(names(10))
  const packed = packKeys(keys)
  const many = ring.lookupMany(packed)
  expect(ring.lookupMany(keys)).toEqual(many)
  expect(ring.lookupMany(packed, new Uint32Array(keys.length))).toEqual(many)
  keys.forEach((key, i) => {
    const index = ring.lookupIndex(key)
    expect(index).toBe(many[i])
    expect(ring.lookup(key)).toBe(`node-${index}`)
    expect(ring.lookup(Buffer.from(key))).toBe(`node-${index}`)
    expect(ring.replicas(key, 1)).toEqual([`node-${index}`])
  })
})

test('the order of the nodes changes no place', () => {
  fc.assert(
    fc.property(nodesOf, (nodes) => {
      const [one, other] = [new Ring(nodes, { virtualNodes: 20 }), new Ring([...nodes].reverse(), { virtualNodes: 20 })]
      for (const key of keys.slice(0, 200)) expect(one.lookup(key)).toBe(other.lookup(key))
    }),
    { numRuns: 40 },
  )
})

test('a new node takes keys, and nothing else moves', () => {
  const [before, after] = [new Ring(names(20)), new Ring(names(21))]
  const moved = keys.filter((key) => before.lookup(key) !== after.lookup(key))
  expect(moved.every((key) => after.lookup(key) === 'node-20')).toBe(true)
  expect(moved.length / keys.length).toBeGreaterThan(0.02)
  expect(moved.length / keys.length).toBeLessThan(0.09)
})

/** Whether `moves` says of every key what the two rings say. */
function isRight(before: Ring, after: Ring, moves: ReturnType<typeof Ring.diff>): boolean {
  return keys.slice(0, 500).every((key) => {
    const hash = xxh3BigInt(key)
    const move = moves.find(({ first, last }) => first <= hash && hash <= last)
    const [from, to] = [before.lookup(key), after.lookup(key)]
    return move ? move.from === from && move.to === to && from !== to : from === to
  })
}

test('diff lists exactly what moves', () => {
  fc.assert(
    fc.property(nodesOf, nodesOf, (one, other) => {
      const [before, after] = [new Ring(one, { virtualNodes: 10 }), new Ring(other, { virtualNodes: 10 })]
      expect(isRight(before, after, Ring.diff(before, after))).toBe(true)
    }),
    { numRuns: 40 },
  )
})

test('what moves between rings of a seed is told by the hash without it', () => {
  const [before, after] = [new Ring(names(5), { seed: 7 }), new Ring(names(6), { seed: 7 })]
  expect(isRight(before, after, Ring.diff(before, after))).toBe(true)
})

test('the order of a batch changes no place of bounded loads', () => {
  const ring = new Ring(names(10))
  const places = ring.assignMany(keys, 0.05)
  expect(ring.assignMany([...keys].reverse(), 0.05).reverse()).toEqual(places)
})

test('names have up to 255 bytes, replicas are up to 64', () => {
  expect(new Ring(['x'.repeat(255)]).lookup('a')).toHaveLength(255)
  expect(() => new Ring(['x'.repeat(256)])).toThrow(RangeError)
  const ring = new Ring(names(70), { virtualNodes: 10 })
  expect(ring.replicas('a', 64)).toHaveLength(64)
  expect(() => ring.replicas('a', 65)).toThrow(RangeError)
})

test('the check of diff catches a range that is left out or names another node', () => {
  const [before, after] = [new Ring(names(5)), new Ring(names(6))]
  const moves = Ring.diff(before, after)
  expect(isRight(before, after, moves)).toBe(true)
  expect(isRight(before, after, moves.slice(moves.length >> 1))).toBe(false)
  expect(
    isRight(
      before,
      after,
      moves.map((move) => ({ ...move, to: 'node-0' })),
    ),
  ).toBe(false)
})

test('replicas are different nodes, in different zones while there are any', () => {
  const nodes: RingNode[] = names(9).map((name, i) => ({ name, zone: `zone-${i % 3}` }))
  const ring = new Ring(nodes)
  const many = ring.replicasMany(keys.slice(0, 300), 3)
  keys.slice(0, 300).forEach((key, i) => {
    const three = ring.replicas(key, 3)
    expect(new Set(three.map((name) => nodes.find((node) => node.name === name)?.zone)).size).toBe(3)
    expect(new Set(ring.replicas(key, 6)).size).toBe(6)
    expect(ring.replicas(key, 50)).toHaveLength(9)
    expect(Array.from(many.subarray(3 * i, 3 * i + 3), (index) => `node-${index}`)).toEqual(three)
  })
})

test('bounded loads stay within the bound, and only keys of full nodes go elsewhere', () => {
  const ring = new Ring(names(10))
  const places = ring.assignMany(keys, 0.05)
  const loads = new Uint32Array(10)
  for (const place of places) loads[place] = (loads[place] ?? 0) + 1
  expect(Math.max(...loads)).toBeLessThanOrEqual(Math.ceil(1.05 * (keys.length / 10)))
  const plain = ring.lookupMany(keys)
  expect(places.filter((place, i) => place !== plain[i]).length / keys.length).toBeLessThan(0.25)
})

test('weights are shares', () => {
  const ring = new Ring([{ name: 'small' }, { name: 'large', weight: 3 }], { virtualNodes: 1_000 })
  const large = keys.filter((key) => ring.lookup(key) === 'large').length / keys.length
  expect(large).toBeGreaterThan(0.68)
  expect(large).toBeLessThan(0.82)
})

test('a seed makes another ring, the same one each time', () => {
  const places = (seed: number | bigint) => new Ring(names(10), { seed }).lookupMany(keys)
  expect(places(1)).toEqual(places(1n))
  expect(places(1)).not.toEqual(places(2))
})

test('no keys are no results', () => {
  expect(new Ring(['a']).lookupMany([])).toHaveLength(0)
})
