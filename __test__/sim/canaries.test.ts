// Canaries: each checker must catch a cluster that was broken on purpose, or its silence means nothing.
import { describe, expect, test, vi } from 'vitest'
import type { CreateRaft } from '../../src/host/host.js'
import { type After, AT_ONCE } from '../../src/raft/commands.js'
import type { Incoming, Outgoing } from '../../src/raft/message.js'
import { Raft } from '../../src/raft/raft.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import { anyAnswer, leasedAtOnce } from './broken-reads.js'
import { brokenCore, expectCaught } from './canary.js'
import type { MemberView } from './checker.js'
import { Committed } from './checkers/committed.js'
import { LeaderCompleteness } from './checkers/leader-completeness.js'
import { type Entry, MemberLog } from './member-log.js'
import type { SimulationOptions } from './options.js'
import { SimulatedPlane } from './plane.js'

vi.setConfig({ testTimeout: 300_000 })

const FAULTY = {
  members: 3,
  groups: 1,
  faults: { crashes: true, partitions: true, pauses: true, transfers: false, wipes: false, freezes: false, powerLosses: false },
}
const PAUSES = {
  crashes: false,
  partitions: false,
  pauses: true,
  transfers: false,
  wipes: false,
  freezes: false,
  powerLosses: false,
}
const LEASES = { ...FAULTY, leaseReads: true, faults: PAUSES, clients: 12, thinkMax: 2 }

describe('election safety', () => {
  test('catches members that forget whom they voted for', () => {
    class Forgetful extends Raft {
      override receive(message: Incoming): void {
        this.vote = 0
        super.receive(message)
      }
    }
    const link = { delayMin: 1, delayMax: 40, lossShare: 0, duplicateShare: 0, ordered: false }
    expectCaught('election safety', brokenCore(Forgetful), { ...FAULTY, link, heartbeatInterval: 20, electionTimeout: 60 })
  })
})

test('leader append-only catches a leader that overwrites its last entry', () => {
  const sabotage = brokenCore(Raft, {
    out: (out) => ({ accept: (first, term, count) => out.accept(first - (first % 50 === 0 ? 1 : 0), term, count) }),
  })
  expectCaught('leader append-only', sabotage, FAULTY)
})

test('log matching catches followers that keep what conflicts', () => {
  const sabotage = brokenCore(Raft, {
    spoil: ({ log }) => {
      log.overlap = (first, _term, count) => Math.max(0, Math.min(count, log.lastIndex + 1 - first))
    },
  })
  expectCaught('log matching', sabotage, FAULTY)
})

test('log matching catches a lone voter that sends what it may forget, and leads the same term again', () => {
  const sabotage = brokenCore(Raft, {
    spoil: (raft) => {
      const { voters } = raft
      const isQuorum = voters.isQuorum.bind(voters)
      // As if a leader needed others' votes.
      voters.isQuorum = (ids) => raft.leader !== raft.config.id && isQuorum(ids)
    },
  })
  const configuration = { incoming: [1], outgoing: [], learners: [2, 3] }
  const link = { delayMin: 0.1, delayMax: 1, lossShare: 0, duplicateShare: 0, ordered: true }
  const disk = { fsyncMin: 20, fsyncMax: 60, stallShare: 0, stallMax: 0 }
  const slow = (options: SimulationOptions) => ({ ...options, ...FAULTY, configuration, link, plane: { ...options.plane, disk } })
  expectCaught('log matching', sabotage, slow)
})

describe('leader completeness', () => {
  test('catches members that vote for logs that are behind', () => {
    class Generous extends Raft {
      override receive(message: Incoming): void {
        const asks = message.kind === Message.VOTE || message.kind === Message.PRE_VOTE
        super.receive(asks ? { ...message, lastTerm: 2 ** 40 } : message)
      }
    }
    expectCaught('leader completeness', brokenCore(Generous), FAULTY)
  })

  // By hand: random faults meet figure 8 of the Raft paper about once in 400 seeds of a cluster that breaks its rule.
  test('catches what follows when an entry of an earlier term is committed by counting', () => {
    const committed = new Committed()
    const checker = new LeaderCompleteness(committed)
    const entryOfTermTwo = { term: 2, value: 7, bytes: 1 }
    const counting = memberWith(1, 4, [entryOfTermTwo])
    committed.onCommit(counting, 0, 1)
    checker.onCommit(counting, 0, 1)
    const later = memberWith(5, 5, [{ term: 3, value: -1, bytes: 1 }])
    expect(() => checker.onRole(later, 0, Role.LEADER, 5)).toThrow('leader 5 of term 5 in group 0 lacks committed 1')
  })
})

test('state machine safety catches a leader that commits without a quorum', () => {
  class Hasty extends Raft {
    override flush(): void {
      if (this.role === Role.LEADER) this.commitTo(this.durable)
      super.flush()
    }
  }
  expectCaught('state machine safety', brokenCore(Hasty), FAULTY)
})

describe('durability', () => {
  test('catches a leader that counts its own entries before they are on disk', () => {
    class Early extends Raft {
      override flush(): void {
        if (this.role === Role.LEADER) this.durable = this.log.lastIndex
        super.flush()
      }
    }
    expectCaught('durability', brokenCore(Early), FAULTY)
  })

  test('catches followers that answer before their entries are on disk', () => {
    const sabotage = brokenCore(Raft, {
      out: (out) => ({ send: (to: number, message: Outgoing, _after: After) => out.send(to, message, AT_ONCE) }),
    })
    expectCaught('durability', sabotage, FAULTY)
  })

  test('catches followers that cut acknowledged entries when an old append comes late', () => {
    const sabotage = brokenCore(Raft, {
      spoil: ({ log }) => {
        log.overlap = () => 0
      },
    })
    const link = { delayMin: 0.1, delayMax: 20, lossShare: 0, duplicateShare: 0.1, ordered: false }
    expectCaught('durability', sabotage, { ...FAULTY, members: 5, link })
  })
})

describe('lost data directories', () => {
  const WIPES = { ...FAULTY, faults: { ...FAULTY.faults, wipes: true, freezes: false, powerLosses: false } }
  /** Takes part at once. */
  const atOnce: CreateRaft = (config, out, now, opened) => {
    if (opened.recovering) out.recovered()
    return new Raft(config, out, now, { ...opened, recovering: false })
  }
  /** Votes before it has caught up. */
  class Impatient extends Raft {
    override flush(): void {
      super.flush()
      if (this.recovery !== null && this.term > 0 && this.vote === this.config.id) this.recovered()
    }
  }

  test.for([
    ['durability', 'take part at once', { createRaft: atOnce }],
    ['leader completeness', 'take part at once', { createRaft: atOnce }],
    ['durability', 'vote before they have caught up', brokenCore(Impatient)],
  ] as const)('%s catches members that %s', ([property, , sabotage]) => {
    expectCaught(property, sabotage, WIPES)
  })
})

describe('fresh reads', () => {
  test('catches a lease that does not end', () => {
    expectCaught(
      'fresh reads',
      brokenCore(Raft, { out: (out) => ({ lease: (until) => out.lease(until === 0 ? 0 : 1e15) }) }),
      LEASES,
    )
  })

  test('catches members that elect a new leader while the old one has a lease', () => {
    class Fickle extends Raft {
      override receive(message: Incoming): void {
        this.stickyUntil = 0
        if (message.kind === Message.APPEND) this.electionDeadline = 0
        super.receive(message)
      }
      override flush(): void {
        if (this.role === Role.FOLLOWER)
          this.electionDeadline = Math.min(this.electionDeadline, this.now + this.config.electionTimeout / 4)
        super.flush()
      }
    }
    expectCaught('fresh reads', brokenCore(Fickle), { ...LEASES, faults: FAULTY.faults })
  })

  test('catches followers that take any answer for the one to what they asked', () => {
    expectCaught('fresh reads', anyAnswer, { ...FAULTY, leaseReads: false, followerReads: true, thinkMax: 5 })
  })

  test('catches leaders that answer from what they have applied, when a follower has answered from what is committed', () => {
    expectCaught('fresh reads', leasedAtOnce, { ...LEASES, followerReads: true })
  })

  test('catches leaders that answer without asking anybody', () => {
    class Unasking extends SimulatedPlane {
      override read(...[group, done]: Parameters<SimulatedPlane['read']>): boolean {
        if (this.role(group) !== Role.LEADER) return false
        done(this.state(group).index, 0)
        return true
      }
    }
    expectCaught(
      'fresh reads',
      { createPlane: (...args) => new Unasking(...args) },
      { ...FAULTY, leaseReads: false, thinkMax: 5 },
    )
  })
})

test('liveness catches a cluster in which no vote arrives', () => {
  class Unelectable extends Raft {
    override receive(message: Incoming): void {
      if (message.kind !== Message.VOTE_REPLY) super.receive(message)
    }
  }
  expectCaught('liveness', brokenCore(Unelectable), FAULTY)
})

/** A leader of `term` with these entries, for a checker alone. */
function memberWith(id: number, term: number, entries: readonly Entry[]): MemberView {
  const log = new MemberLog()
  log.write(1, entries)
  return {
    id,
    role: () => Role.LEADER,
    term: () => term,
    memoryLog: () => log,
    diskLog: () => log,
    hasLease: () => false,
    stored: () => 0,
    configured: () => undefined,
    committed: () => 0,
  }
}
