// Clusters whose members come and go while they run, with all faults but lost data: a member that lost its directory in such a cluster
// has to be told who the members are.
import type { SimulationOptions } from './options.js'
import { type Outcome, simulate } from './simulate.js'

/** The options of a run with changes of the members. */
export function changingMembers(options: SimulationOptions): SimulationOptions {
  return {
    ...options,
    newcomers: 1 + (options.seed % 4),
    ...{ newDirectories: false, syncInterval: undefined },
    faultyTime: 2 * options.faultyTime,
    faults: { ...options.faults, wipes: false, powerLosses: false },
  }
}

/** Runs a seed so. */
export function simulateMembers(seed: number): Outcome {
  return simulate(seed, changingMembers)
}
