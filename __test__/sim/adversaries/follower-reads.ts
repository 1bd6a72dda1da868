// Aims at reads of a follower, which asks its leader what is committed: at answers that name an entry where its own log has another,
// that come late, from a leader that was deposed, or to the question of an earlier life; and at who reads after it elsewhere.
import { Message } from '../../../src/raft/raft-kinds.js'
import type { Node, Sabotage } from '../node.js'
import type { Packet } from '../plane.js'
import { READ_REPLY } from '../plane-world.js'
import { type Fate, type Scenario, World } from './world.js'

/** Five members: a majority goes on without the follower that is aimed at, which gets entries only when it is told to. */
class Lagging {
  readonly world: World
  /** The fate of the answers to the follower; undefined: they arrive. */
  answers: Fate = undefined
  /** How late entries are that go to the follower; undefined: they do not arrive. */
  entries: number | undefined = 0
  /** Whose packets do not arrive, but for answers. */
  deposed: Node | undefined
  #follower: Node | undefined

  constructor(sabotage: Sabotage) {
    this.world = new World({ members: 5, sabotage, fate: (packet) => this.#fate(packet) })
    const leader = this.world.leader()
    this.world.commit(leader, 3)
    this.world.run(50)
  }

  get follower(): Node {
    this.#follower ??= this.world.others(this.world.leader())[0]!
    return this.#follower
  }

  /** The leader writes what only the follower gets, and is deposed by the three others. Returns it. */
  conflict(count: number): Node {
    const { world, follower } = this
    const first = world.leader()
    world.isolate(first, world.others(first, follower))
    const last = follower.plane.diskLog(0).lastIndex + count
    world.write(first, count)
    world.until('the follower has more', () => follower.plane.diskLog(0).lastIndex === last)
    this.entries = undefined
    this.deposed = first
    world.network.heal()
    return first
  }

  /** Waits until the follower knows that `leader` leads. */
  follow(leader: Node): void {
    this.world.until('the follower knows its leader', () => this.follower.plane.leader(0) === leader.id)
  }

  #fate({ kind, from, to, entries }: Packet): Fate {
    if (kind === READ_REPLY) return to === this.#follower?.id ? this.answers : undefined
    if (from === this.deposed?.id || to === this.deposed?.id) return 'lost'
    // It has more than the others, and does not lead all the same.
    if (kind === Message.PRE_VOTE && from === this.#follower?.id) return 'lost'
    if (kind !== Message.APPEND || entries.length === 0 || to !== this.#follower?.id) return undefined
    return this.entries ?? 'lost'
  }
}

/** The answer names an entry of the new term, where the follower has others that were never committed. */
function anotherEntry(late: number, count: number, sabotage: Sabotage): void {
  const scene = new Lagging(sabotage)
  const { world, follower } = scene
  const first = scene.conflict(count)
  const second = world.leader(first)
  scene.follow(second)
  world.commit(second, 2)
  // Before the entries, between two of them, after them.
  scene.answers = late
  const one = world.read(follower)
  world.run(5)
  scene.entries = 8
  const other = world.read(follower)
  world.run(90)
  if (!one.answered || !other.answered) throw new Error('the reads were not answered')
  scene.deposed = undefined
  world.rest()
}

/** What an answer named is still wanted when another leads, and the entry comes from that one. */
function leaderGone(sabotage: Sabotage): void {
  const scene = new Lagging(sabotage)
  const { world, follower } = scene
  const first = scene.conflict(4)
  const second = world.leader(first)
  scene.follow(second)
  world.commit(second, 2)
  world.read(follower)
  world.run(5)
  second.plane.transfer(0, world.others(first, second, follower)[0]!.id)
  const third = world.leader(first, second)
  scene.follow(third)
  scene.entries = 3
  world.commit(third)
  world.run(30)
  scene.deposed = undefined
  world.rest()
}

/** The answer of a leader comes when another leads, more was acknowledged, and that one was asked. */
function deposedLeader(late: number, sabotage: Sabotage): void {
  const scene = new Lagging(sabotage)
  const { world, follower } = scene
  const first = world.leader()
  scene.answers = late
  world.read(follower)
  world.run(4)
  scene.entries = undefined
  scene.deposed = first
  const second = world.leader(first)
  scene.follow(second)
  world.commit(second)
  // Its answers are lost: only the old one arrives.
  scene.answers = 'lost'
  const end = world.scheduler.now + 200
  while (world.scheduler.now < end) {
    world.read(follower)
    world.run(5)
  }
  scene.deposed = undefined
  world.rest()
}

/** The answer comes when the follower has crashed, started again and asked anew, and more was acknowledged. */
function earlierLife(late: number, sabotage: Sabotage): void {
  const scene = new Lagging(sabotage)
  const { world, follower } = scene
  const leader = world.leader()
  scene.answers = late
  world.read(follower)
  world.run(4)
  scene.entries = undefined
  scene.answers = 'lost'
  world.crash(follower, 5)
  world.run(6)
  world.commit(leader)
  const end = world.scheduler.now + 150
  while (world.scheduler.now < end) {
    world.read(follower)
    world.run(5)
  }
  world.rest()
}

/** What a follower was asked for, and has answered, is older than what its leader has applied: the leader is read next. */
function leaderBehind(leaseReads: boolean, sabotage: Sabotage): void {
  const world = new World({ leaseReads, sabotage, apply: 20 })
  const leader = world.leader()
  world.commit(leader)
  world.run(60)
  leader.plane.freezeApply()
  for (let i = 0; i < 10; i += 1) {
    world.write(leader)
    for (const node of world.nodes) world.read(node)
    world.run(7)
  }
  leader.plane.thaw()
  world.run(50)
  if (world.counts.reads < 20) throw new Error('the reads were not answered')
  world.rest()
}

export const scenarios: readonly Scenario[] = [
  ...[1, 5].flatMap((count) =>
    [0, 4, 8, 10, 12, 16, 40].map((late) => ({
      name: `the answer names another entry than one of ${count}, ${late} ms late`,
      run: (sabotage = {}) => anotherEntry(late, count, sabotage),
    })),
  ),
  { name: 'what the answer named comes from the next leader', run: (sabotage = {}) => leaderGone(sabotage) },
  ...[250, 300].map((late) => ({
    name: `a deposed leader's answer, ${late} ms late`,
    run: (sabotage: Sabotage = {}) => deposedLeader(late, sabotage),
  })),
  ...[20, 60].map((late) => ({
    name: `an answer to an earlier life, ${late} ms late`,
    run: (sabotage: Sabotage = {}) => earlierLife(late, sabotage),
  })),
  ...[false, true].map((leaseReads) => ({
    name: `the leader is read after a follower that is ahead, ${leaseReads ? 'with' : 'without'} leases`,
    run: (sabotage: Sabotage = {}) => leaderBehind(leaseReads, sabotage),
  })),
]
