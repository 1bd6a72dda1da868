// Runs a deliberately broken cluster until a checker complains.
import { expect } from 'vitest'
import type { CreateRaft } from '../../src/host/host.js'
import type { Commands } from '../../src/raft/commands.js'
import type { Raft } from '../../src/raft/raft.js'
import { Violation } from './checker.js'
import type { Sabotage } from './node.js'
import type { SimulationOptions } from './options.js'
import { simulate } from './simulate.js'

/** A canary that no seed up to this one makes sing is dead. */
const SEEDS_MAX = 600

/** Expects some seed to break `property`, with nothing else checked. `change`: conditions that bring it out. */
export function expectCaught(
  property: string,
  sabotage: Sabotage,
  change: Partial<SimulationOptions> | ((options: SimulationOptions) => SimulationOptions) = {},
  seedsMax = SEEDS_MAX,
): void {
  const changed = typeof change === 'function' ? change : (options: SimulationOptions) => ({ ...options, ...change })
  let other: unknown
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    try {
      simulate(seed, (options) => ({ ...changed(options), sabotage, only: property }))
    } catch (error) {
      if (!(error instanceof Violation) || error.property !== property) other = error
      else {
        console.log(`${property}: caught by seed ${seed}`)
        return
      }
    }
  }
  expect.fail(`${seedsMax} seeds did not break ${property}; last other error: ${String(other)}`)
}

/** Members whose cores are of a broken class, write to a broken plane, or were spoilt once built. */
export function brokenCore(
  BrokenRaft: typeof Raft,
  { out: breakOut = (out: Commands): Partial<Commands> => out, spoil = (_raft: Raft): void => {} } = {},
): Sabotage {
  const createRaft: CreateRaft = (config, out, now, opened) => {
    const raft = new BrokenRaft(config, changed(out, breakOut(out)), now, opened)
    spoil(raft)
    return raft
  }
  return { createRaft }
}

/** `out` with some commands replaced. */
function changed(out: Commands, replaced: Partial<Commands>): Commands {
  return new Proxy(out, {
    get(target, name) {
      const method = Reflect.get(name in replaced ? replaced : target, name)
      return typeof method === 'function' ? method.bind(target) : method
    },
  })
}
