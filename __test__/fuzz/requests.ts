// Requests of a client that lies, by FORMATS.md: valid ones of every kind with odd numbers in them, then garbled.
// All keys begin with h; a garbled one may name any.
import type { Random } from '../client/random.js'
import { edge, le, mutate, noise, oddly } from './mutate.js'

const KEYS = 20
const LARGE_BYTES = 5 << 20
const WRITE = 1
const READ = 2
const WATCH = 3
const CHANGE_MEMBERS = 10
const KINDS = 10

const lengths = (random: Random, ...parts: Buffer[]) => parts.map((part) => le(oddly(random, part.length), 4))
const key = (random: Random) => Buffer.from(`h${random.below(KEYS)}`)
const flags = (random: Random) => le(random.below(4) === 0 ? random.below(256) : 0, 1)

/** The end of a range: none, or a later key. */
const end = (random: Random) => (random.below(2) === 0 ? Buffer.alloc(0) : Buffer.from('i'))

function put(random: Random): Buffer {
  const [name, value] = [key(random), noise(random, random.below(30))]
  return Buffer.concat([le(1, 1), flags(random), le(0, 2), ...lengths(random, name, value), name, value])
}

function deleteRange(random: Random): Buffer {
  const [name, to] = [key(random), end(random)]
  return Buffer.concat([le(2, 1), flags(random), le(0, 2), ...lengths(random, name, to), name, to])
}

function range(random: Random): Buffer {
  const [name, to] = [key(random), end(random)]
  const numbers = [le(oddly(random, random.below(5)), 8), le(oddly(random, 0), 8)]
  return Buffer.concat([le(5, 1), flags(random), le(0, 2), ...lengths(random, name, to), ...numbers, name, to])
}

function compare(random: Random): Buffer {
  const [name, operand] = [key(random), le(oddly(random, 0), 8)]
  const head = [le(random.below(6), 1), le(random.below(7), 1), le(0, 2)]
  return Buffer.concat([...head, ...lengths(random, name, Buffer.alloc(0), operand), name, operand])
}

function txn(random: Random, depth: number): Buffer {
  const some = (one: () => Buffer) => Array.from({ length: random.below(4) }, one)
  const inner = () => operation(random, depth + 1)
  const parts = [some(() => compare(random)), some(inner), some(inner)]
  const counts = parts.map((part) => le(oddly(random, part.length), 2))
  const bodies = parts.map((part) => Buffer.concat(part))
  return Buffer.concat([le(3, 1), le(0, 1), ...counts, ...lengths(random, ...bodies), ...bodies])
}

function operation(random: Random, depth = 0): Buffer {
  const kind = random.below(depth > 9 ? 4 : 6)
  if (kind === 0) return range(random)
  if (kind === 1) return deleteRange(random)
  // Of the past at most: what is compacted is no longer there for anybody.
  if (kind === 2) return Buffer.concat([le(4, 1), le(0, 3), le(random.below(2) === 0 ? 1 : edge(random), 8)])
  return kind < 4 ? put(random) : txn(random, depth)
}

function batch(random: Random): Buffer {
  const operations = Array.from({ length: random.below(6) }, () => operation(random))
  const numbered = random.below(4) === 0 ? 1 + random.below(2) : 0
  const session = [oddly(random, numbered), oddly(random, 1 + random.below(50)), oddly(random, random.below(3))]
  const head = [...session.map((number) => le(number, 8)), le(oddly(random, random.below(numbered === 0 ? 2 : 4)), 4)]
  return Buffer.concat([...head, le(oddly(random, operations.length), 4), ...operations])
}

function body(random: Random, kind: number): Buffer {
  if (random.below(400) === 0) return Buffer.alloc(LARGE_BYTES, kind)
  if (kind === WRITE) return batch(random)
  if (kind === READ) {
    const ranges = Array.from({ length: random.below(4) }, () => range(random))
    const head = [le(oddly(random, random.below(3)), 4), le(oddly(random, ranges.length), 4), le(oddly(random, 100), 8)]
    return Buffer.concat([...head, ...ranges])
  }
  if (kind === WATCH) {
    const [name, to] = [key(random), end(random)]
    const head = [flags(random), le(0, 3), ...lengths(random, name, to), le(oddly(random, 0), 8), le(oddly(random, 9), 4)]
    return Buffer.concat([...head, name, to])
  }
  if (kind === CHANGE_MEMBERS) {
    const head = [le(oddly(random, random.below(30)), 8), le(oddly(random, random.below(3)), 1), le(oddly(random, 0), 7)]
    return Buffer.concat([...head, configuration(random)])
  }
  return Buffer.concat([le(oddly(random, random.below(30)), 8), random.below(2) === 0 ? le(edge(random), 4) : Buffer.alloc(0)])
}

/**
 * Who the members are, in the layout of FORMATS.md, true or not. Nobody has these numbers, so whoever believed it could not carry it out.
 */
export function configuration(random: Random): Buffer {
  const members = Array.from({ length: random.below(9) }, (_, i) => {
    const name = random.below(8) === 0 ? noise(random, random.below(300)) : Buffer.from(`m${random.below(4) === 0 ? 0 : i}`)
    const endpoint = random.below(4) === 0 ? noise(random, random.below(300)) : Buffer.from(`127.0.0.1:${1 + i}\u0007`)
    const head = [le(oddly(random, random.below(4) === 0 ? 5 : 1000 + i), 8), le(oddly(random, random.below(4)), 1), le(0, 1)]
    const lengths = [le(oddly(random, name.length), 2), le(oddly(random, endpoint.length), 2), le(oddly(random, 0), 2)]
    return Buffer.concat([...head, ...lengths, name, endpoint])
  })
  return Buffer.concat([le(oddly(random, members.length), 4), ...members])
}

/** One request, garbled or not; what follows it in a submission may be garbled by that too. */
export function hostileRequest(random: Random, id: number): Buffer {
  // Mostly what has a body to lie about.
  const kind = Number(oddly(random, random.below(2) === 0 ? 1 + random.below(3) : 1 + random.below(KINDS)) & 255n)
  const content = random.below(3) === 0 ? mutate(random, body(random, kind)) : body(random, kind)
  const head = [le(random.below(20) === 0 ? edge(random) : content.length, 4), le(kind, 1), flags(random)]
  const whole = Buffer.concat([...head, le(oddly(random, 0), 2), le(oddly(random, id), 8), content])
  return random.below(30) === 0 ? mutate(random, whole) : whole
}
