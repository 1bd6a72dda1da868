// Canaries of the adversaries: each of these broken cores is caught by the adversary that aims at its kind of fault, by name.
import { describe, expect, test, vi } from 'vitest'
import { majority } from '../../../src/majority.js'
import { type After, AT_ONCE } from '../../../src/raft/commands.js'
import type { Incoming, Outgoing } from '../../../src/raft/message.js'
import { Raft } from '../../../src/raft/raft.js'
import { Message, Role } from '../../../src/raft/raft-kinds.js'
import { Voters } from '../../../src/raft/voters.js'
import { anyAnswer, leasedAtOnce, Trusting } from '../broken-reads.js'
import { brokenCore } from '../canary.js'
import type { Sabotage } from '../node.js'
import { SimulatedPlane } from '../plane.js'
import * as candidateInTheDark from './candidate-in-the-dark.js'
import * as eachPersist from './each-persist.js'
import * as eachSend from './each-send.js'
import * as followerReads from './follower-reads.js'
import * as forgottenMembers from './forgotten-members.js'
import * as frozenDisk from './frozen-disk.js'
import * as grantedVotes from './granted-votes.js'
import * as handOver from './hand-over.js'
import * as installedStore from './installed-store.js'
import * as lateAppends from './late-appends.js'
import * as lostDirectory from './lost-directory.js'
import * as newLeaderReads from './new-leader-reads.js'
import * as oldTerm from './old-term.js'
import * as sevenMembers from './seven-members.js'
import * as snapshots from './snapshots.js'
import * as unequalSettings from './unequal-settings.js'
import type { Scenario } from './world.js'

vi.setConfig({ testTimeout: 120_000 })

/** Forgets its vote with each message. */
class Forgetful extends Raft {
  override receive(message: Incoming): void {
    this.vote = 0
    super.receive(message)
  }
}

/** Forgets its vote with a restart. */
const forgetsOnDisk = brokenCore(Raft, { out: (out) => ({ persist: (term, _vote, commit) => out.persist(term, 0, commit) }) })

/** Votes for logs that are behind. */
class Generous extends Raft {
  override receive(message: Incoming): void {
    const asks = message.kind === Message.VOTE || message.kind === Message.PRE_VOTE
    super.receive(asks ? { ...message, lastTerm: Number.MAX_SAFE_INTEGER } : message)
  }
}

/** Commits what a majority has, of whatever term. */
class Counting extends Raft {
  override flush(): void {
    const matched = this.#matched
    if (this.role === Role.LEADER && matched > this.commit) this.commitTo(matched)
    super.flush()
  }
  readonly #matches = new Map<number, number>()
  get #matched(): number {
    const matchOf = (id: number) => (id === this.config.id ? this.durable : (this.#matches.get(id) ?? 0))
    return Math.min(this.voters.reached(Float64Array.from(this.voters.members, matchOf)), this.log.lastIndex)
  }
  override receive(message: Incoming): void {
    if (message.kind === Message.APPEND_REPLY && message.term === this.term && !message.rejected) {
      this.#matches.set(message.from, message.index)
    }
    super.receive(message)
  }
}

/** Answers before anything is on disk. */
const atOnce = brokenCore(Raft, {
  out: (out) => ({ send: (to: number, message: Outgoing, _after: After) => out.send(to, message, AT_ONCE) }),
})

/** Counts its own entries before they are on disk. */
class Early extends Raft {
  override flush(): void {
    if (this.role === Role.LEADER) this.durable = this.log.lastIndex
    super.flush()
  }
}

/** Takes one less for a majority. */
class Fewer extends Raft {
  constructor(...args: ConstructorParameters<typeof Raft>) {
    super(...args)
    const least = majority(this.voters.members.length) - 1
    Object.assign(this, {
      voters: Object.assign(new Voters(this.voters.members), {
        isQuorum: (ids: ReadonlySet<number>) => ids.size >= least,
        reached: (numbers: Float64Array) => numbers.toSorted().at(-least),
      }),
    })
  }
}

/** Its leases are twice as long. */
const longLease = brokenCore(Raft, { out: (out) => ({ lease: (until) => out.lease(until === 0 ? 0 : until + 90) }) })

/** Its leases outlive a hand-over. */
const keepsLease = brokenCore(Raft, {
  out: (out) => ({
    lease: (until) => {
      if (until > 0) out.lease(until)
    },
  }),
})

/** Cuts what it has when an old append comes. */
const cutsAgain = brokenCore(Raft, {
  spoil: ({ log }) => {
    log.overlap = () => 0
  },
})

/** Keeps what conflicts. */
const keepsConflicts = brokenCore(Raft, {
  spoil: ({ log }) => {
    log.overlap = (first, _term, count) => Math.max(0, Math.min(count, log.lastIndex + 1 - first))
  },
})

/** Cuts its log without leaving anything for those who lag, and says that it starts later than it does. */
class Forward extends Raft {
  override snapshotInstalled(ok: boolean, index: number, term: number, from: number): void {
    super.snapshotInstalled(ok, index, term, from)
    const answer = { index: index + 5, rejected: false, hintTerm: 0, round: 0, promise: 0, previousIndex: 0 }
    this.commands.send(from, { kind: Message.APPEND_REPLY, term: this.term, ...answer }, AT_ONCE)
  }
}

/** Takes part at once on a new directory. */
const takesPart: Sabotage = {
  createRaft: (config, out, now, opened) => {
    if (opened.recovering) out.recovered()
    return new Raft(config, out, now, { ...opened, recovering: false })
  },
}

/** Recovers among the members that it knows, whatever the leader's are. */
class Trustful extends Raft {
  override receive(message: Incoming): void {
    const { index: configurationIndex, term: configurationTerm } = this.configurations.current
    const isLeaders = message.kind === Message.RECOVER_REPLY && message.leads
    super.receive(isLeaders ? { ...message, configurationIndex, configurationTerm } : message)
  }
}

/** On a new directory, follows from the start as a member may that has lost no vote. */
const knowsVotes: Sabotage = {
  createRaft: (config, out, now, opened) =>
    new Raft(config, out, now, opened.recovering ? { ...opened, vote: config.id } : opened),
}

/** Confirms reads with what it knows, before its no-op is committed, and asks nobody. */
class Unasking extends Raft {
  override reads(sequence: number): void {
    if (this.role === Role.LEADER) this.commands.serveReads(sequence, this.commit)
    else super.reads(sequence)
  }
}

/** Takes every member to be as patient as itself. */
class Believing extends Raft {
  override receive(message: Incoming): void {
    super.receive(message.kind === Message.APPEND_REPLY ? { ...message, promise: this.config.electionTimeout } : message)
  }
}

/** Gives votes while it hears a leader. */
class Fickle extends Raft {
  override receive(message: Incoming): void {
    this.stickyUntil = 0
    super.receive(message)
  }
}

/** Those of an adversary with this in their names. */
const about = ({ scenarios }: { readonly scenarios: readonly Scenario[] }, part: string): { readonly scenarios: Scenario[] } => ({
  scenarios: scenarios.filter(({ name }) => name.includes(part)),
})

/** Says that it has a snapshot which is not on its disk. */
const losesStore: Sabotage = {
  createPlane: (id, world, times, durable) => {
    class Losing extends SimulatedPlane {
      override install(...[group, state, from]: Parameters<SimulatedPlane['install']>): void {
        const machine = durable.machines[group]!
        const { persisted } = machine
        super.install(group, state, from)
        machine.persisted = persisted
      }
    }
    return new Losing(id, world, times, durable)
  },
}

const CANARIES: readonly [string, { readonly scenarios: readonly Scenario[] }, Sabotage][] = [
  ['granted votes: forgets whom it voted for', grantedVotes, brokenCore(Forgetful)],
  ['granted votes: forgets it with a crash', grantedVotes, forgetsOnDisk],
  ['granted votes: votes for logs that are behind', grantedVotes, brokenCore(Generous)],
  ['hand-over: a lease that does not end', handOver, keepsLease],
  ['each send: answers before its disk', eachSend, atOnce],
  ['each persist: answers before its disk', eachPersist, atOnce],
  ['each persist: counts itself too early', eachPersist, brokenCore(Early)],
  ['frozen disk: counts itself too early', frozenDisk, brokenCore(Early)],
  ['frozen disk: followers answer too early', frozenDisk, atOnce],
  ['old term: commits it by counting', oldTerm, brokenCore(Counting)],
  ['seven members: one less is a majority', sevenMembers, brokenCore(Fewer)],
  ['seven members: asks nobody', sevenMembers, brokenCore(Unasking)],
  ['late appends: cuts again', lateAppends, cutsAgain],
  ['late appends: keeps conflicts', lateAppends, keepsConflicts],
  ['snapshots: says that it has more', snapshots, brokenCore(Forward)],
  ['lost directory: takes part at once', lostDirectory, takesPart],
  ['lost directory: follows as if it knew its votes', lostDirectory, knowsVotes],
  ['forgotten members: believes a leader of other members', forgottenMembers, brokenCore(Trustful)],
  ['installed store: takes part at once', installedStore, takesPart],
  ['new leader reads: asks nobody', newLeaderReads, brokenCore(Unasking)],
  ['unequal settings: asks nobody', unequalSettings, brokenCore(Unasking)],
  ['unequal settings: takes all to be as patient as itself', unequalSettings, brokenCore(Believing)],
  ['candidate in the dark: votes while it hears a leader', candidateInTheDark, brokenCore(Fickle)],
  ['candidate in the dark: leases that are too long', candidateInTheDark, longLease],
  ['follower reads: whatever entry is there', about(followerReads, 'of 5, 0 ms'), brokenCore(Trusting)],
  ['follower reads: whatever entry is there, while entries arrive', about(followerReads, '8 ms late'), brokenCore(Trusting)],
  ['follower reads: whatever entry is there when another leads', about(followerReads, 'next leader'), brokenCore(Trusting)],
  ['follower reads: any answer of a leader', about(followerReads, 'deposed'), anyAnswer],
  ['follower reads: any answer of an earlier life', about(followerReads, 'earlier life'), anyAnswer],
  ['follower reads: the leader answers from before', about(followerReads, 'with leases'), leasedAtOnce],
]

test('a snapshot that is nowhere on disk is no entry of a fourth member', () => {
  for (const scenario of installedStore.scenarios) {
    expect(() => scenario.run(losesStore)).toThrow(/^durability: committed \d+ of group 0 is on the disks of \d, \d, \d only$/)
  }
})

describe.each(CANARIES)('%s', (_name, { scenarios }, sabotage) => {
  test('is caught', () => {
    const caught = scenarios.some((scenario) => {
      try {
        scenario.run(sabotage)
        return false
      } catch {
        return true
      }
    })
    expect(caught).toBe(true)
  })
})
