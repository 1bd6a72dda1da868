// Records of a member that lies, by FORMATS.md. What Raft has to believe of a member (that it has an entry, that it was
// elected) is not among it: no check can find that out. Terms below the cluster's, and numbers that no cluster can have.
import type { Random } from '../client/random.js'
import { edge, le, mutate, noise, oddly } from './mutate.js'
import { configuration, hostileRequest } from './requests.js'

const APPEND = 5
const KINDS = 10
/** The kind of an entry. */
const CONFIGURATION = 2
const SAFE_MAX = 2n ** 53n - 1n
const SNAPSHOT_PARTS = 4

/** A term that a message may have without being believed: an old one, or one beyond what a term can be. */
function term(random: Random): bigint {
  const odd = edge(random)
  return random.below(4) === 0 && odd > SAFE_MAX ? odd : BigInt(random.below(2))
}

function entries(random: Random, count: number): Buffer {
  const one = () => {
    const kind = random.below(3)
    const body = kind === CONFIGURATION && random.below(4) > 0 ? configuration(random) : noise(random, random.below(60))
    return Buffer.concat([le(oddly(random, body.length), 4), le(oddly(random, kind), 1), le(0, 3), body])
  }
  return Buffer.concat(Array.from({ length: count }, one))
}

function raft(random: Random): Buffer {
  const kind = random.below(2) === 0 ? APPEND : Number(oddly(random, 1 + random.below(KINDS)) & 255n)
  const runs = Array.from({ length: random.below(4) }, (_, i) => ({ term: oddly(random, i), count: random.below(4) }))
  const count = runs.reduce((sum, run) => sum + run.count, 0)
  const payload = entries(random, count)
  const numbers = [term(random), ...Array.from({ length: 6 }, () => oddly(random, random.below(20)))]
  const announced = random.below(30) === 0 ? edge(random) : runs.length
  return Buffer.concat([
    ...[le(1, 1), le(kind, 1), le(oddly(random, 0), 2), le(announced, 4)],
    ...numbers.map((number) => le(number, 8)),
    ...[le(oddly(random, payload.length), 4), ...runs.flatMap((run) => [le(run.term, 8), le(run.count, 4)]), payload],
  ])
}

function answer(random: Random): Buffer {
  const body = noise(random, random.below(40))
  const head = [le(oddly(random, body.length), 4), le(1 + random.below(9), 1), le(0, 1), le(oddly(random, 0), 2)]
  return Buffer.concat([le(3, 1), le(0, 3), ...head, le(oddly(random, random.below(100)), 8), body])
}

function snapshot(random: Random): Buffer {
  const part = Number(oddly(random, 1 + random.below(SNAPSHOT_PARTS)) & 255n)
  // Of few streams, with places that follow each other now and then: some come to their end.
  const numbers = [oddly(random, random.below(2)), oddly(random, random.below(3) * 50), oddly(random, 1)]
  const rest = noise(random, random.below(2) === 0 ? 42 : random.below(50))
  return Buffer.concat([le(4, 1), le(part, 1), le(oddly(random, 0), 2), ...numbers.map((n) => le(n, 8)), rest])
}

/** A frame of one record or a few, garbled or not. A garbled raft record could come to be believed: those are left as they are. */
export function hostileFrame(random: Random, id: number): Buffer {
  const kind = random.below(10)
  if (kind < 4) return raft(random)
  if (kind === 4) return Buffer.concat([raft(random), raft(random)])
  if (kind === 5) return Buffer.concat([le(2, 1), le(0, 3), hostileRequest(random, id)])
  if (kind === 6) return mutate(random, answer(random))
  if (kind === 7) return snapshot(random)
  const number = le(oddly(random, random.below(100)), 8)
  if (kind === 8) return Buffer.concat([le(5, 1), le(0, 1), le(oddly(random, 0), 2), number])
  const reply = [le(oddly(random, random.below(30)), 2), le(0, 6), le(oddly(random, 1), 8)]
  return random.below(3) === 0
    ? Buffer.concat([le(6 + random.below(250), 1), noise(random, 1 + random.below(200))])
    : Buffer.concat([le(6, 1), le(0, 1), le(oddly(random, 0), 2), number, ...reply])
}
