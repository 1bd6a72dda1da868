// Clusters with witnesses, and with members that should lead rather than others: nothing is lost, a witness neither leads nor has what nobody else has,
// and in the end whoever should leads. RAFTERDB_SEEDS says how many seeds, RAFTERDB_FIRST_SEED where they begin.
import { describe, expect, test } from 'vitest'
import type { CreateRaft } from '../../src/host/host.js'
import { AT_ONCE } from '../../src/raft/commands.js'
import { Raft } from '../../src/raft/raft.js'
import { Role } from '../../src/raft/raft-kinds.js'
import { brokenCore, expectCaught } from './canary.js'
import { everything } from './everything.js'
import type { SimulationOptions } from './options.js'
import { simulate } from './simulate.js'

const COUNT = Number(process.env['RAFTERDB_SEEDS'] ?? 20)
const FIRST = Number(process.env['RAFTERDB_FIRST_SEED'] ?? 1)
/** A core that breaks a rule must be caught within so many seeds. */
const SEEDS_MAX = 100
/** Shapes: members, and which of them have no data. */
const SHAPES: readonly (readonly [number, readonly number[]])[] = [
  [3, [3]],
  [5, [5]],
  [5, [4, 5]],
  [7, [6, 7]],
  [2, [2]],
]

/** A long run that is not quite as long, of members that all keep their data. */
function withWitnesses(options: SimulationOptions): SimulationOptions {
  const drawn = everything(options, 10_000)
  const [members, witnesses] = SHAPES[options.seed % SHAPES.length]!
  const { machineFaults, faults } = drawn
  return {
    ...drawn,
    ...{ members, witnesses, newcomers: options.seed % 3, newDirectories: false, syncInterval: undefined },
    // Of what is drawn for each member there may be too little.
    settings: [],
    machineFaults: machineFaults && { ...machineFaults, losses: false, damage: false },
    faults: { ...faults, powerLosses: false, wipes: options.seed % 3 === 0 },
  }
}

test(`${COUNT} seeds keep every promise`, { timeout: 24 * 3_600_000 }, () => {
  const total = { acknowledged: 0, elections: 0, snapshots: 0, made: 0 }
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    try {
      const { acknowledged, elections, snapshots, changes } = simulate(seed, withWitnesses)
      const found = { acknowledged, elections, snapshots, made: changes.made }
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += found[name]
    } catch (error) {
      throw new Error(`seed ${seed} fails; repeat it with: RAFTERDB_SEEDS=1 RAFTERDB_FIRST_SEED=${seed}`, { cause: error })
    }
  }
  console.log(`${COUNT} seeds: ${JSON.stringify(total)}`)
  expect(Math.min(total.acknowledged, total.elections)).toBeGreaterThanOrEqual(COUNT)
  if (COUNT >= 10) expect(Math.min(total.made, total.snapshots)).toBeGreaterThan(0)
})

describe('canaries', () => {
  const three = (options: SimulationOptions): SimulationOptions => ({
    ...withWitnesses(options),
    ...{ members: 3, witnesses: [3], newcomers: 0, standing: false, priorities: false },
  })
  /** Breaks the witness alone. */
  const witness = (broken: CreateRaft): CreateRaft => {
    return (config, ...rest) => (config.id === 3 ? broken(config, ...rest) : new Raft(config, ...rest))
  }

  test('witnesses that campaign are caught', { timeout: 600_000 }, () => {
    const createRaft = witness((config, ...rest) => new Raft({ ...config, witnesses: [] }, ...rest))
    expectCaught('witnesses follow', { createRaft }, three, SEEDS_MAX)
  })

  test('leaders that send them what nobody has on disk are caught', { timeout: 600_000 }, () => {
    const createRaft: CreateRaft = (config, ...rest) => new Raft(config.id === 3 ? config : { ...config, witnesses: [] }, ...rest)
    expectCaught('data first', { createRaft }, three, SEEDS_MAX)
  })

  test('witnesses that acknowledge what they have not stored are caught', { timeout: 600_000 }, () => {
    const early = brokenCore(Raft, { out: (out) => ({ send: (to, message) => out.send(to, message, AT_ONCE) }) }).createRaft!
    const oneDown = (options: SimulationOptions): SimulationOptions => {
      const run = three(options)
      return { ...run, faults: { ...run.faults, crashes: true, partitions: true } }
    }
    expectCaught('durability', { createRaft: witness(early) }, oneDown, SEEDS_MAX)
  })

  test('configurations in which a majority has no data are caught', { timeout: 600_000 }, () => {
    const bare = brokenCore(Raft, {
      out: (out) => ({
        configure: (asker, index, term, parts) =>
          out.configure(
            asker,
            index,
            term,
            parts.map((part, i) => (i % 2 === 1 ? part | 4 : part)),
          ),
      }),
    })
    const changing = (options: SimulationOptions) => ({ ...three(options), newcomers: 2 })
    expectCaught('data in majorities', bare, changing, SEEDS_MAX)
  })

  test('leaders that keep their place are caught', { timeout: 600_000 }, () => {
    class Settled extends Raft {
      override transfer(): void {}
      override tick(): void {
        const { voters } = this
        // Nobody ranks above it.
        if (this.role === Role.LEADER) this.voters = Object.assign(voters.left(), { priorityOf: () => 0 })
        super.tick()
        this.voters = voters
      }
    }
    const ranked = (options: SimulationOptions) => ({
      ...three(options),
      members: 5,
      witnesses: [5],
      newcomers: 1,
      priorities: true,
    })
    expectCaught('preference', brokenCore(Settled), ranked, SEEDS_MAX)
  })
})
