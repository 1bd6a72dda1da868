// Who decides: what a majority of one set of voters has reached, of two while they change, and that learners do not count.
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/limits.js'
import { majority } from '../../src/majority.js'
import { Random } from '../../src/raft/random.js'
import { Voters } from '../../src/raft/voters.js'

/** What is reached where member i + 1 has numbers[i]; the voters have to be known in this order. */
const reached = (voters: Voters, ...numbers: number[]) =>
  voters.reached(Float64Array.from(voters.members, (id) => numbers[id - 1]!))

test('a majority is more than half', () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(majority)).toEqual([1, 2, 2, 3, 3, 4, 4])
})

describe('one set of voters', () => {
  const first = (count: number) => new Voters(Array.from({ length: count }, (_, i) => i + 1))

  test('what a majority has reached is found in any order', () => {
    expect(reached(first(1), 5)).toBe(5)
    expect(reached(first(2), 5, 3)).toBe(3)
    expect([reached(first(3), 1, 2, 3), reached(first(3), 3, 2, 1), reached(first(3), 2, 3, 1)]).toEqual([2, 2, 2])
    expect([reached(first(4), 1, 2, 3, 4), reached(first(4), 4, 3, 2, 1), reached(first(4), 2, 4, 1, 3)]).toEqual([2, 2, 2])
    expect(reached(first(7), 7, 0, 0, 0, 7, 7, 7)).toBe(7)
    expect(reached(first(7), 0, 7, 7, 7, 0, 0, 0)).toBe(0)
    expect(reached(first(3), 0, -1, Number.NEGATIVE_INFINITY)).toBe(-1)
  })

  test('a quorum is a majority, also of an even number', () => {
    expect(first(4).isQuorum(new Set([1, 2]))).toBe(false)
    expect(first(4).isQuorum(new Set([1, 2, 4]))).toBe(true)
    expect(first(3).isQuorum(new Set([1, 3]))).toBe(true)
    expect(first(3).isQuorum(new Set([3, 4, 5]))).toBe(false)
  })
})

describe('two sets of voters', () => {
  const changing = new Voters([1, 2, 3], [3, 4, 5])

  test('all of both are members, each once', () => {
    expect(changing.members).toEqual([1, 2, 3, 4, 5])
    expect([1, 3, 5, 6].map((id) => changing.includes(id))).toEqual([true, true, true, false])
  })

  test('the slower majority counts', () => {
    expect(reached(changing, 9, 9, 0, 4, 5)).toBe(4)
    expect(reached(changing, 4, 5, 0, 9, 9)).toBe(4)
    expect(reached(changing, 0, 0, 9, 9, 9)).toBe(0)
  })

  test('one that leaves is enough for a second set', () => {
    expect([new Voters([1, 2], [3]).isJoint, new Voters([1, 2]).isJoint]).toEqual([true, false])
  })

  test('a quorum is a majority of each', () => {
    expect(changing.isQuorum(new Set([1, 2]))).toBe(false)
    expect(changing.isQuorum(new Set([4, 5]))).toBe(false)
    expect(changing.isQuorum(new Set([1, 3, 4]))).toBe(true)
    expect(changing.isQuorum(new Set([1, 2, 4]))).toBe(false)
  })
})

describe('learners', () => {
  const voters = new Voters([2, 3], [], [1, 4])

  test('they are members, after the voters, and do not vote', () => {
    expect(voters.members).toEqual([2, 3, 1, 4])
    expect([1, 2, 3, 4].map((id) => voters.includes(id))).toEqual([false, true, true, false])
  })

  test('they do not count', () => {
    expect(reached(voters, 9, 5, 3, 9)).toBe(3)
    expect(voters.isQuorum(new Set([1, 2, 4]))).toBe(false)
    expect(voters.isQuorum(new Set([2, 3]))).toBe(true)
  })
})

test.each<[string, number[], number[], number[]]>([
  ['number of members', [], [], []],
  ['number of members', [], [1], []],
  ['number of members', Array.from({ length: limits.membersMax + 1 }, (_, i) => i + 1), [], []],
  ['number of members', Array.from({ length: limits.membersMax }, (_, i) => i + 1), [], [99]],
  ['members differ', [1, 2, 2], [], []],
  ['members differ', [1, 2], [3, 3], []],
  ['members differ', [1, 2], [], [2]],
  ['members differ', [1, 2], [3], [3]],
])('refused: %s', (invariant, incoming, outgoing, learners) => {
  expect(() => new Voters(incoming, outgoing, learners)).toThrow(invariant)
})

test('as many members as there may be are counted', () => {
  const all = new Voters(Array.from({ length: limits.membersMax }, (_, i) => i + 1))
  expect(all.reached(new Float64Array(limits.membersMax).fill(1))).toBe(1)
})

test('what is reached is by definition the largest number that more than half of each set has', () => {
  const random = new Random(1)
  const some = (ids: readonly number[]) => ids.filter(() => random.next() < 0.5)
  for (let i = 0; i < 5_000; i += 1) {
    const incoming = [1 + Math.floor(random.next() * 3), ...some([4, 5, 6])]
    const outgoing = random.next() < 0.3 ? [] : some([1, 2, 3, 4, 5, 6])
    const learners = some([1, 2, 3, 4, 5, 6, 7]).filter((id) => !incoming.includes(id) && !outgoing.includes(id))
    const voters = new Voters(incoming, outgoing, learners)
    const numbers = Array.from({ length: 7 }, () => Math.floor(random.next() * 5))
    const agreed = (least: number) =>
      [incoming, outgoing].every(
        (set) => set.length === 0 || 2 * set.filter((id) => numbers[id - 1]! >= least).length > set.length,
      )
    const expected = [4, 3, 2, 1, 0].find(agreed)
    const shown = JSON.stringify({ incoming, outgoing, learners, numbers })
    expect([shown, reached(voters, ...numbers)]).toEqual([shown, expected])
    for (let least = 0; least <= 4; least += 1) {
      const having = new Set([1, 2, 3, 4, 5, 6, 7].filter((id) => numbers[id - 1]! >= least))
      expect([shown, least, voters.isQuorum(having)]).toEqual([shown, least, agreed(least)])
    }
  }
})
