// Canaries of the long runs' properties: each must catch a cluster that was broken on purpose.
import { describe, expect, test, vi } from 'vitest'
import { Code } from '../../src/codes.js'
import type { CreateRaft } from '../../src/host/host.js'
import { Leader } from '../../src/raft/leader.js'
import { Raft } from '../../src/raft/raft.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { brokenCore, expectCaught } from './canary.js'
import { everything } from './everything.js'
import type { MachineFaults } from './machine-faults.js'
import type { Sabotage } from './node.js'
import type { SimulationOptions } from './options.js'
import { SimulatedPlane } from './plane.js'
import { simulate } from './simulate.js'

vi.setConfig({ testTimeout: 600_000 })

/** A core that breaks a rule must be caught within so many seeds. */
const SEEDS_MAX = 200
const NO_FAULTS = {
  ...{ crashes: false, partitions: false, pauses: false, transfers: false, wipes: false, freezes: false, powerLosses: false },
}
const NO_MACHINE_FAULTS: MachineFaults = {
  ...{
    blackouts: false,
    slowDisks: false,
    failedSyncs: false,
    damage: false,
    losses: false,
    hungStateMachines: false,
    clockLeaps: false,
    leapsAhead: false,
    upgrades: false,
    drifts: false,
  },
}

/** A long run that is not quite as long, with other options on top. */
function run(change: Partial<SimulationOptions>): (options: SimulationOptions) => SimulationOptions {
  return (options) => ({ ...everything(options, 10_000), witnesses: [], priorities: false, unjudged: [], ...change })
}

/** Leaders that are stopped and cut off, while others read. */
const LEASES = run({
  ...{ leaseReads: true, settings: [], driftMax: 0, machineFaults: NO_MACHINE_FAULTS, newcomers: 0, standing: false },
  faults: { ...NO_FAULTS, partitions: true, pauses: true },
})

describe('lease exclusivity', () => {
  test('catches a lease that does not end', () => {
    const sabotage = brokenCore(Raft, { out: (out) => ({ lease: (until) => out.lease(until === 0 ? 0 : 1e15) }) })
    expectCaught('lease exclusivity', sabotage, LEASES, SEEDS_MAX)
  })

  test('catches members that promise and forget', () => {
    class Fickle extends Raft {
      override flush(): void {
        this.stickyUntil = 0
        if (this.role === Role.FOLLOWER)
          this.electionDeadline = Math.min(this.electionDeadline, this.now + this.config.electionTimeout / 4)
        super.flush()
      }
    }
    expectCaught('lease exclusivity', brokenCore(Fickle), LEASES, SEEDS_MAX)
  })

  test('catches clocks that leap farther than leases allow', () => {
    const leaping = run({
      ...{
        leaseReads: true,
        settings: [],
        newcomers: 0,
        standing: false,
        faults: { ...NO_FAULTS, partitions: true, pauses: true },
      },
      machineFaults: { ...NO_MACHINE_FAULTS, clockLeaps: true },
    })
    expectCaught('lease exclusivity', {}, leaping, SEEDS_MAX)
  })
})

test('bounded log catches members that keep all of it', () => {
  class Hoarder extends Raft {
    override persisted(index: number): void {
      this.reachedStateMachine(index)
    }
  }
  expectCaught('bounded log', brokenCore(Hoarder), run({}), SEEDS_MAX)
})

test('durability catches members that take an answer of another protocol for one of theirs', () => {
  const misread: Sabotage['misread'] = (packet) => {
    const [index = 0, ...rest] = packet.fields
    return packet.kind === Message.APPEND_REPLY ? { ...packet, fields: [index + 1, ...rest] } : packet
  }
  const machineFaults = { ...NO_MACHINE_FAULTS, upgrades: true }
  expectCaught('durability', { misread }, run({ machineFaults, newcomers: 0, standing: false }), SEEDS_MAX)
})

describe('bounded memory', () => {
  test('catches configurations that are kept for ever', () => {
    const sabotage = brokenCore(Raft, {
      spoil: ({ configurations }) => {
        configurations.settle = () => {}
      },
    })
    expectCaught('bounded memory', sabotage, run({}), SEEDS_MAX)
  })

  test('catches windows that are never full', () => {
    class Pouring extends Raft {
      override flush(): void {
        if (this.behaviour instanceof Leader) {
          for (const { window } of this.behaviour.followers)
            Object.defineProperty(window, 'full', { get: () => false, configurable: true })
        }
        super.flush()
      }
    }
    const change = { ...{ clients: 40, thinkMax: 2, newcomers: 0, settings: [] }, faults: { ...NO_FAULTS, pauses: true } }
    expectCaught('bounded memory', brokenCore(Pouring), run(change), SEEDS_MAX)
  })

  test('catches reads that nobody answers', () => {
    class Silent extends Raft {
      override reads(): void {}
    }
    expectCaught('bounded memory', brokenCore(Silent), run({ leaseReads: false, settings: [] }), SEEDS_MAX)
  })
})

describe('clients with sessions', () => {
  test('exactly once catches snapshots without sessions', () => {
    const sabotage: Sabotage = {
      createPlane: (...args) => {
        class Forgetful extends SimulatedPlane {
          override install(...[group, state, from]: Parameters<SimulatedPlane['install']>): void {
            super.install(group, { ...state, store: { ...state.store, last: [] } }, from)
          }
        }
        return new Forgetful(...args)
      },
    }
    expectCaught('exactly once', sabotage, run({ logRetainBytes: 0, settings: [] }), SEEDS_MAX)
  })

  test('exactly once catches clients that give what they send again another number', () => {
    const sabotage: Sabotage = {
      createPlane: (...args) => {
        class Renumbering extends SimulatedPlane {
          override write(...[group, entry, done]: Parameters<SimulatedPlane['write']>): boolean {
            const { operation } = entry
            if (operation === undefined) return super.write(group, entry, done)
            const [last = 0] = this.state(group).store.last[operation.client] ?? []
            return super.write(group, { ...entry, operation: { ...operation, sequence: last + 1 } }, done)
          }
        }
        return new Renumbering(...args)
      },
    }
    expectCaught('linearizability', sabotage, run({}), SEEDS_MAX)
  })

  test('linearizability catches members that answer reads from what they have', () => {
    const sabotage: Sabotage = {
      createPlane: (...args) => {
        class Hasty extends SimulatedPlane {
          override read(...[group, done]: Parameters<SimulatedPlane['read']>): boolean {
            done(this.state(group).index, Code.OK)
            return true
          }
        }
        return new Hasty(...args)
      },
    }
    expectCaught('linearizability', sabotage, run({}), SEEDS_MAX)
  })
})

describe('progress under a fault that stands', () => {
  test('catches leaders that do not look whether they hear anybody', () => {
    const patient: CreateRaft = (config, out, now, opened) => {
      const own = { ...config }
      const raft = new Raft(own, out, now, opened)
      Object.defineProperty(own, 'electionTimeout', {
        get: () => (raft.role === Role.LEADER ? 1e12 : config.electionTimeout),
      })
      return raft
    }
    expectCaught('progress', { createRaft: patient }, run({ leaseReads: false, settings: [] }), SEEDS_MAX)
  })

  test('catches leaders that do not notice that they hang', () => {
    class Unaware extends Raft {
      override get hangs(): boolean {
        return false
      }
    }
    expectCaught('progress', brokenCore(Unaware), run({}), SEEDS_MAX)
  })
})

test('liveness catches leaders that wait for a snapshot that has broken off', () => {
  class Waiting extends Raft {
    override snapshotSent(peer: number, ok: boolean, index: number): void {
      if (ok) super.snapshotSent(peer, ok, index)
    }
  }
  const lossy = {
    snapshots: { chunksMax: 12, chunkMax: 100, installMax: 100, silenceMax: 500 },
    link: { delayMin: 0.05, delayMax: 2, lossShare: 0.1, duplicateShare: 0, ordered: true },
    faults: { ...NO_FAULTS, crashes: true },
    machineFaults: NO_MACHINE_FAULTS,
    faultGapMax: 3_000,
  }
  expectCaught('liveness', brokenCore(Waiting), run({ ...lossy, logRetainBytes: 0, settings: [], standing: false }), SEEDS_MAX)
})

describe('durability', () => {
  const quiet = { newcomers: 0, settings: [], standing: false, newDirectories: false, syncInterval: undefined, faults: NO_FAULTS }

  test('catches members that count what is not on disk when all lose power', () => {
    class Early extends Raft {
      override flush(): void {
        if (this.role === Role.LEADER) this.durable = this.log.lastIndex
        super.flush()
      }
    }
    const machineFaults = { ...NO_MACHINE_FAULTS, blackouts: true }
    expectCaught('durability', brokenCore(Early), run({ ...quiet, machineFaults }), SEEDS_MAX)
  })

  test('catches members whose directory was damaged and that take part at once', () => {
    const atOnce: CreateRaft = (config, out, now, opened) => {
      if (opened.recovering) out.recovered()
      return new Raft(config, out, now, { ...opened, recovering: false })
    }
    const faults = { ...NO_FAULTS, partitions: true, pauses: true }
    const machineFaults = { ...NO_MACHINE_FAULTS, damage: true, blackouts: true }
    expectCaught('durability', { createRaft: atOnce }, run({ ...quiet, machineFaults, faults }), SEEDS_MAX)
  })
})

test('runs of a core that draws by itself are not the same', () => {
  const sabotage = brokenCore(Raft, { spoil: (raft) => Object.assign(raft.random, { next: Math.random }) })
  const digests = [1, 2].map(() => simulate(1, (options) => ({ ...everything(options, 5_000), sabotage })).digest)
  expect(digests[0]).not.toBe(digests[1])
})
