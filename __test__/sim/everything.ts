// Long runs in which everything may happen: three to seven members whose settings differ, changes of them, transfers, snapshots in
// chunks, reads at followers, weaker durability, every fault of faults.ts and machine-faults.ts, and at the end one fault that stands.
// What a run may not have together is a kind of run of its own: see `drawKind`.
import { Random } from '../../src/raft/random.js'
import type { MachineFaults } from './machine-faults.js'
import type { MemberSettings, SimulationOptions } from './options.js'
import { type Outcome, simulate } from './simulate.js'

/** How long faults happen, ms. */
const FAULTY_TIME = 60_000

/** What rests on clocks alone, through leases. */
const BY_CLOCKS: readonly string[] = ['lease exclusivity', 'fresh reads', 'linearizability']

type Draw = <T>(...choices: readonly T[]) => T

/** What only one of them may have. */
interface Kind {
  /** Data directories are lost, damaged or new, and recovered from the others: relies on clocks. */
  losses: boolean
  /** Members come and go. */
  changes: boolean
  /** Clocks leap, also by standing still: without leases, or with leases of which nothing is promised. */
  leaps: boolean
  /** Entries count as durable before they are synced: no two machines lose power together. */
  weak: boolean
}

function drawKind(one: Draw): Kind {
  const nothing = { losses: false, changes: false, leaps: false, weak: false }
  return one<Kind>(
    nothing,
    { ...nothing, losses: true },
    { ...nothing, losses: true },
    { ...nothing, losses: true, weak: true },
    { ...nothing, changes: true, weak: true },
    { ...nothing, changes: true },
    { ...nothing, changes: true, losses: true },
    { ...nothing, changes: true, leaps: true },
    { ...nothing, leaps: true },
  )
}

/** None, one or two of the founders, and some of those that join: drawn apart, so that seeds found before there were any draw what they drew. */
function drawWitnesses(seed: number, members: number, newcomers: number): readonly number[] {
  const random = new Random(seed, 0x317e55)
  if (random.next() < 0.5) return []
  const most = Math.min(2, Math.floor(members / 2))
  const founders = Array.from({ length: 1 + Math.floor(random.next() * most) }, (_, i) => members - i)
  const joining = Array.from({ length: newcomers }, (_, i) => members + 1 + i).filter(() => random.next() < 0.3)
  return [...founders, ...joining]
}

/**
 * Whether clocks leap where members lose their directories, or leases are asked for: drawn apart, so that seeds found before draw what they
 * drew. A member that recovers waits by its own clock, so only those that are whole leap, and only ahead: a candidate whose clock stands
 * counts votes for longer than anybody waits. With leases what members answer alone by their clocks is not promised any more; the rest is.
 */
function drawLeaps(seed: number, { losses, leaps, weak }: Kind): 'ahead' | 'leases' | undefined {
  const drawn = new Random(seed, 0x1ea9).next() < 0.4
  if (!drawn || weak) return undefined
  if (losses) return 'ahead'
  return leaps ? 'leases' : undefined
}

/** With leases, though clocks leap. */
function withLeases(options: SimulationOptions): SimulationOptions {
  const settings = options.settings.map((own) => ({ ...own, leaseReads: true }))
  return { ...options, leaseReads: true, settings, unjudged: BY_CLOCKS }
}

/** The longest election timeout is that of the run. */
function drawSettings(one: Draw, members: number, run: MemberSettings): MemberSettings[] {
  return Array.from({ length: members }, () => {
    const heartbeatInterval = run.heartbeatInterval * one(1, 1, 0.5)
    const electionTimeout = Math.max(3 * run.heartbeatInterval, run.electionTimeout * one(1, 1, 0.7, 0.4))
    const leaseReads = run.leaseReads && one(true, true, true, false)
    return { heartbeatInterval, electionTimeout, leaseReads, logRetainBytes: run.logRetainBytes * one(1, 1, 0.1) }
  })
}

/** The options of a long run, by the seed. `time`: how long faults happen, ms. */
export function everything(options: SimulationOptions, time = FAULTY_TIME): SimulationOptions {
  const random = new Random(options.seed, 0xa11)
  const one: Draw = (...choices) => choices[Math.floor(random.next() * choices.length)]!
  const may = (share: number) => random.next() < share
  const kind = drawKind(one)
  const { losses, changes, leaps, weak } = kind
  const leaping = drawLeaps(options.seed, kind)
  const upgrades = new Random(options.seed, 0x09d3).next() < 0.25
  const members = changes ? one(3, 5, 6) : one(3, 3, 5, 5, 5, 7)
  const newcomers = changes ? one(1, 2, 4) : 0
  const heartbeatInterval = one(50, 100, 100)
  const electionTimeout = heartbeatInterval * one(3, 5, 10)
  const leaseReads = !leaps && may(0.7)
  const logRetainBytes = one(0, 2_000, 20_000, 200_000)
  const slow = may(0.2)
  const machineFaults: MachineFaults = {
    ...{
      blackouts: !weak && may(0.5),
      slowDisks: may(0.5),
      failedSyncs: !weak && may(0.5),
      damage: losses && !changes && may(0.5),
      losses: changes && !weak && may(0.5),
    },
    ...{ hungStateMachines: may(0.3), clockLeaps: leaps, leapsAhead: leaping === 'ahead', upgrades, drifts: may(0.5) },
  }
  // One disk may have an entry's data alone: nobody loses any.
  const witnesses = losses || weak || machineFaults.losses ? [] : drawWitnesses(options.seed, members, newcomers)
  const run = { heartbeatInterval, electionTimeout, leaseReads, logRetainBytes }
  const all: SimulationOptions = {
    ...{
      ...options,
      ...run,
      members,
      newcomers,
      witnesses,
      priorities: new Random(options.seed, 0x9717).next() < 0.5,
      groups: changes && losses ? 1 : one(1, 1, 1, 2),
      machineFaults,
      standing: true,
      configuration: undefined,
    },
    settings: may(0.6) ? drawSettings(one, members + newcomers, run) : [],
    driftMax: one(0, 0.01, 0.05),
    link: {
      ...{ delayMin: 0.05, delayMax: slow ? heartbeatInterval / 2 : one(0.5, 2, 10), ordered: may(0.6) },
      ...{ lossShare: one(0, 0, 0.01, 0.1), duplicateShare: one(0, 0, 0.05) },
    },
    plane: {
      disk: { fsyncMin: 0.1, fsyncMax: one(0.5, 2, 10), stallShare: one(0, 0.001, 0.02), stallMax: 2 * electionTimeout },
      ...{ applyMax: one(0.1, 1, 20), persistShare: one(0.01, 0.2), logScale: may(0.3) ? 1e6 : 1, leasedReadsWait: true },
    },
    ...{ stallShare: one(0, 0.0001, 0.001), stallMax: 2 * electionTimeout },
    ...{
      sessions: one(2, 3, 4),
      clients: one(2, 4),
      thinkMax: electionTimeout * one(0.2, 1),
      entryBytesMax: one(100, 1_000, 400_000),
    },
    ...{ faultyTime: time, faultGapMax: one(0.5, 1, 2, 4, 8) * electionTimeout },
    snapshots: {
      ...{ chunksMax: one(1, 4, 12), chunkMax: one(2, 20, electionTimeout / 2), installMax: electionTimeout * one(0.1, 2) },
      silenceMax: electionTimeout * 5,
    },
    faults: {
      ...{ crashes: may(0.8), partitions: may(0.8), pauses: may(0.5), transfers: may(0.5), freezes: may(0.4) },
      ...{ wipes: (losses && may(0.6)) || (witnesses.length > 0 && !changes), powerLosses: weak },
    },
    newDirectories: losses && !changes && may(0.5),
    timeoutFactors: may(0.15) ? [1, 3] : [1],
    followerReads: may(0.7),
    syncInterval: weak ? electionTimeout * one(0.2, 10) : undefined,
  }
  return leaping === undefined ? all : withLeases(all)
}

/** Runs a seed so. */
export function simulateEverything(seed: number, time = FAULTY_TIME): Outcome {
  return simulate(seed, (options) => everything(options, time))
}
