// A leader or learner among voters that change, for tests: time and answers by hand, commands as they come. Judges nothing but that it leads.
import type { Commands } from '../../src/raft/commands.js'
import type { RaftConfig } from '../../src/raft/config.js'
import { Raft } from '../../src/raft/raft.js'
import { Message, Role } from '../../src/raft/raft-kinds.js'
import type { Voters } from '../../src/raft/voters.js'
import { arrived } from './arrived.js'

const EMPTY = {
  ...{ term: 0, vote: 0, commit: 0, snapshotIndex: 0, snapshotTerm: 0, lastIndex: 0, applied: 0, recovering: false, runs: [] },
}

/** Member 1; time begins at 1,000 ms, with heartbeats on each 100 and election timeouts of 500. */
export class Bench {
  readonly raft: Raft
  readonly #commands: [string, ...unknown[]][] = []

  constructor(
    members: readonly number[],
    outgoing: readonly number[],
    learners: readonly number[],
    leaseReads = false,
    opened = {},
  ) {
    const out = new Proxy({} as Commands, {
      get:
        (_, name) =>
        (...values: unknown[]) =>
          void this.#commands.push([String(name), ...values]),
    })
    const times = { heartbeatInterval: 100, electionTimeout: 500, promisedBefore: 500, voteLifeMax: 10_000 }
    const config: RaftConfig = {
      ...times,
      id: 1,
      members,
      outgoing,
      learners,
      group: 0,
      leaseReads,
      logRetainBytes: 1_000,
      seed: 1,
    }
    this.raft = new Raft(config, out, 1_000, { ...EMPTY, ...opened })
  }

  at(now: number, events: (raft: Raft) => void = (raft) => raft.tick()): this {
    this.raft.now = now
    events(this.raft)
    this.raft.flush()
    return this
  }

  votes(...from: number[]): this {
    for (const voter of from) {
      const vote = { term: this.raft.term, granted: true, life: this.raft.life }
      this.at(this.raft.now, (raft) => raft.receive(arrived({ kind: Message.VOTE_REPLY, from: voter, ...vote })))
    }
    return this
  }

  /** These have `index` entries on their disks, and answer the newest round. */
  answers(now: number, index: number, ...from: number[]): this {
    for (const follower of from) {
      const answer = { term: this.raft.term, index, round: this.raft.round, promise: 500, previousIndex: index }
      this.at(now, (raft) => raft.receive(arrived({ kind: Message.APPEND_REPLY, from: follower, ...answer })))
    }
    return this
  }

  /** Elected by these at 1,000, with its no-op on its disk. */
  lead(...voters: number[]): this {
    this.at(1_000, (raft) => raft.campaign(true)).votes(...voters)
    if (this.raft.role !== Role.LEADER) throw new Error(`it does not lead, but has role ${this.raft.role}`)
    return this.at(1_000, (raft) => raft.reachedDisk(1, 1))
  }

  hears(message: Parameters<typeof arrived>[0]): this {
    return this.at(this.raft.now, (raft) => raft.receive(arrived(message)))
  }

  reconfigure(voters: Voters): this {
    return this.at(this.raft.now, (raft) => raft.reconfigure(voters))
  }

  /** All commands since the last look, each with its name. */
  takenInOrder(): [string, ...unknown[]][] {
    return this.#commands.splice(0)
  }

  /** Commands of this kind since the last look. */
  taken(name: keyof Commands): unknown[][] {
    return this.#commands
      .splice(0)
      .filter(([each]) => each === name)
      .map(([, ...values]) => values)
  }
}
