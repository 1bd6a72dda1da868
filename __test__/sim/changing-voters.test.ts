// A cluster whose voters are changing decides with a majority of each set, and members that only learn decide nothing, whatever happens.
import { describe, expect, test } from 'vitest'
import { Raft } from '../../src/raft/raft.js'
import { Voters } from '../../src/raft/voters.js'
import { brokenCore, expectCaught } from './canary.js'
import { changing, simulateChanging } from './changing-voters.js'

const COUNT = Number(process.env['RAFTERDB_SEEDS'] ?? 20)
/** A core that asks too few must be caught within so many seeds. */
const SEEDS_MAX = 10

test(`${COUNT} seeds keep every promise`, { timeout: 3_600_000 }, () => {
  const total = { acknowledged: 0, reads: 0, elections: 0 }
  for (let seed = 1; seed <= COUNT; seed += 1) {
    const outcome = simulateChanging(seed)
    total.acknowledged += outcome.acknowledged
    total.reads += outcome.reads
    total.elections += outcome.elections
  }
  expect(Math.min(total.acknowledged, total.reads, total.elections)).toBeGreaterThan(COUNT)
})

describe('canaries', () => {
  /** Cores whose voters are enough where these are. */
  const deciding = (change: (voters: Voters, few: Voters) => void, few: (raft: Raft) => Voters) =>
    brokenCore(Raft, { spoil: (raft) => change(raft.voters, few(raft)) })
  const incomingOnly = ({ config: { members, outgoing = [], learners = [] } }: Raft) =>
    new Voters(members, [], [...outgoing.filter((id) => !members.includes(id)), ...learners])
  const learnersToo = ({ config: { members, outgoing = [], learners = [] } }: Raft) =>
    new Voters([...members, ...learners], outgoing)

  const elections = (voters: Voters, few: Voters): void => {
    voters.isQuorum = (ids) => few.isQuorum(ids)
  }
  const counts = (voters: Voters, few: Voters): void => {
    const slots = few.members.map((id) => voters.members.indexOf(id))
    voters.reached = (numbers) => few.reached(Float64Array.from(slots, (slot) => numbers[slot] as number))
  }
  const campaigns = (voters: Voters, few: Voters): void => {
    voters.includes = (id) => few.includes(id)
  }

  test.for([
    ['durability', 'commit with a majority of the incoming voters', deciding(counts, incomingOnly)],
    ['durability', 'commit with what learners have', deciding(counts, learnersToo)],
    ['election quorum', 'elect with a majority of the incoming voters', deciding(elections, incomingOnly)],
    ['election quorum', 'let learners campaign', deciding(campaigns, learnersToo)],
  ] as const)('%s catches members that %s', { timeout: 300_000 }, ([property, , sabotage]) => {
    expectCaught(property, sabotage, changing, SEEDS_MAX)
  })
})
