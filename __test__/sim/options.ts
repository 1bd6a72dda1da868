// What one simulated run looks like; most of it is drawn from the seed.
import { Random } from '../../src/raft/random.js'
import type { Configuration } from './configuration.js'
import type { MachineFaults } from './machine-faults.js'
import type { LinkBehaviour } from './network.js'
import type { Sabotage } from './node.js'
import type { PlaneTimes } from './plane.js'
import type { SnapshotTimes } from './snapshot-streams.js'

/** Faults that may happen; each can be switched off. */
export interface Faults {
  crashes: boolean
  partitions: boolean
  pauses: boolean
  transfers: boolean
  /** Members lose their data directories. */
  wipes: boolean
  /** Machines lose power: worse than a crash only where entries count as durable before they are synced. */
  powerLosses: boolean
  /** Disks hang for a while. */
  freezes: boolean
}

/** What may differ at one member; times in ms, the election timeout no longer than that of the run. */
export interface MemberSettings {
  heartbeatInterval: number
  electionTimeout: number
  leaseReads: boolean
  logRetainBytes: number
}

/** One run. Times in ms. */
export interface SimulationOptions {
  seed: number
  members: number
  /** Who of them votes; undefined: all. */
  configuration: Configuration | undefined
  /** Who of the members, and of those that are started beside them, has no data. */
  witnesses: readonly number[]
  /** Changes of the members give them priorities, and in the end who has the highest leads. */
  priorities: boolean
  /** Members that are started beside them, and are none until a change says so; 0: there are no changes. */
  newcomers: number
  groups: number
  heartbeatInterval: number
  electionTimeout: number
  /** With what each start of a member multiplies it: settings differ, and change from one start to the next. */
  timeoutFactors: readonly number[]
  leaseReads: boolean
  logRetainBytes: number
  /** Clients read at members that do not lead, too. */
  followerReads: boolean
  /** Most that a clock may be fast or slow, as a share. */
  driftMax: number
  link: LinkBehaviour
  plane: PlaneTimes
  stallShare: number
  stallMax: number
  clients: number
  /** Clients with sessions, beside those. */
  sessions: number
  /** Longest pause of a client between two operations. */
  thinkMax: number
  entryBytesMax: number
  /** How long faults happen. */
  faultyTime: number
  /** Longest time between two faults. */
  faultGapMax: number
  faults: Faults
  /** undefined: none. */
  machineFaults: MachineFaults | undefined
  /** Of each member, in order; none: all are as the run is. */
  settings: readonly MemberSettings[]
  /** undefined: a snapshot comes in one piece. */
  snapshots: SnapshotTimes | undefined
  /** After the faults one more begins, and stands while the others must go on: see `#withstand`. */
  standing: boolean
  /** Entries count as durable before they are synced, every so many ms (`durability: 'interval'` or `'os'`); undefined: not before. */
  syncInterval: number | undefined
  /** After the faults, this hangs for good at a leader or a follower, and writes must go on: see `#goOn`. */
  hangs: { readonly what: 'disk' | 'apply'; readonly leader: boolean } | undefined
  /** After the faults, clients go on writing; everyone must keep up without snapshots within CATCH_UP_TIMEOUTS. */
  steadyWrites: boolean
  /** Members start on data directories that are marked as new. */
  newDirectories: boolean
  sabotage: Sabotage
  /** Only this property is checked, so that a canary's checker is not forestalled; undefined: all. */
  only: string | undefined
  /** Properties that this run does not promise. */
  unjudged: readonly string[]
}

/** The run of a seed. */
export function drawOptions(seed: number, random: Random): SimulationOptions {
  const one = <T>(...choices: readonly T[]): T => choices[Math.floor(random.next() * choices.length)]!
  const heartbeatInterval = one(20, 50, 100)
  const electionTimeout = heartbeatInterval * one(3, 4, 6)
  // Drawn apart, so that the seeds found before these options came still draw what they drew.
  const later = new Random(seed, 0xd15c)
  const slow = random.next() < 0.2
  const drawn = {
    ...{ seed, heartbeatInterval, electionTimeout },
    members: one(1, 3, 3, 3, 3, 5, 5),
    groups: one(1, 1, 1, 2, 3),
    leaseReads: random.next() < 0.7,
    logRetainBytes: one(0, 2_000, 20_000, 1e9),
    driftMax: one(0, 0.01, 0.05),
    link: {
      ...{ delayMin: 0.05, delayMax: slow ? heartbeatInterval : one(0.5, 2, 10), ordered: random.next() < 0.6 },
      ...{ lossShare: one(0, 0, 0.01, 0.1), duplicateShare: one(0, 0, 0.05) },
    },
    plane: {
      disk: { fsyncMin: 0.1, fsyncMax: one(0.5, 2, 10), stallShare: one(0, 0.001, 0.02), stallMax: 2 * electionTimeout },
      ...{ applyMax: one(0.1, 1, 20), persistShare: one(0.01, 0.2), logScale: 1, leasedReadsWait: true },
    },
    ...{ stallShare: one(0, 0.001, 0.01), stallMax: 2 * electionTimeout },
    ...{ clients: one(2, 6, 12), thinkMax: one(2, 10, 40), entryBytesMax: one(100, 1_000, 400_000) },
    ...{ faultyTime: 12 * electionTimeout, faultGapMax: one(1, 2, 4) * electionTimeout },
    faults: {
      crashes: random.next() < 0.8,
      partitions: random.next() < 0.8,
      pauses: random.next() < 0.6,
      transfers: random.next() < 0.4,
      wipes: later.next() < 0.5,
      freezes: false,
      powerLosses: false,
    },
    newDirectories: later.next() < 0.5,
    timeoutFactors: later.next() < 0.15 ? [1, 3] : [1],
    steadyWrites: false,
    hangs: undefined,
    ...{ machineFaults: undefined, settings: [], snapshots: undefined, standing: false, sessions: 0 },
    configuration: undefined,
    newcomers: 0,
    witnesses: [] as readonly number[],
    priorities: false,
    followerReads: false,
    syncInterval: undefined as number | undefined,
    sabotage: {},
    only: undefined,
    unjudged: [] as readonly string[],
  }
  drawn.faults.freezes = later.next() < 0.3
  if (later.next() < 0.3) {
    drawn.faults.powerLosses = true
    drawn.syncInterval = electionTimeout * (later.next() < 0.5 ? 0.2 : 10)
  }
  // Where next to nothing is kept, half the clusters do not hold it for followers that answer either: more snapshots.
  if (drawn.logRetainBytes < 1e9 && later.next() < 0.5) drawn.plane.logScale = 1e6
  drawn.followerReads = later.next() < 0.6
  return drawn
}
