// Clusters whose voters are changing, or that have members which only learn: as long as each run lasts.
import type { Configuration } from './configuration.js'
import type { SimulationOptions } from './options.js'
import { type Outcome, simulate } from './simulate.js'

/** What a change of members passes through: each set has voters that the other lacks, one grows, one shrinks, or nobody is in both. */
const CONFIGURATIONS: readonly Configuration[] = [
  { incoming: [1, 2, 3], outgoing: [3, 4, 5], learners: [] },
  { incoming: [1, 2, 3], outgoing: [], learners: [4] },
  { incoming: [1, 2, 3, 4], outgoing: [1, 2, 3], learners: [5] },
  { incoming: [1, 2], outgoing: [1, 2, 3], learners: [4, 5] },
  { incoming: [1], outgoing: [2], learners: [3] },
]

/** The options of a run with one of these, by the seed. */
export function changing(options: SimulationOptions): SimulationOptions {
  const configuration = CONFIGURATIONS[options.seed % CONFIGURATIONS.length] as Configuration
  const { incoming, outgoing, learners } = configuration
  return { ...options, members: new Set([...incoming, ...outgoing, ...learners]).size, configuration }
}

/** Runs a seed so. */
export function simulateChanging(seed: number): Outcome {
  return simulate(seed, changing)
}
