// Aims at votes: several members campaign at once, and whenever a vote arrives, the one who gave it, or the one who got it,
// is cut off, crashes, or hears it again. A vote must be remembered, counted once, and given to a log that is up to date.
import { Message } from '../../../src/raft/raft-kinds.js'
import { Random } from '../../../src/raft/random.js'
import type { Sabotage } from '../node.js'
import type { Packet } from '../plane.js'
import { type Fate, grants, type Scenario, World } from './world.js'

const SEEDS = [1, 2]
const ROUNDS = 4

/** What happens when a vote has arrived. */
type Blow = (packet: Packet, world: World) => void

const later = (world: World, blow: () => void): void => world.scheduler.after(1.5, blow)
const crash = (world: World, id: number): void => world.crash(world.node(id), 20)

const BLOWS: Readonly<Record<string, Blow>> = {
  'the voter is cut from the winner': ({ from, to }, world) => {
    later(world, () => world.isolate(world.node(to), [world.node(from)]))
  },
  'the winner is cut from everyone': ({ to }, world) => later(world, () => world.isolate(world.node(to))),
  'the voter crashes, and the winner is cut from everyone': ({ from, to }, world) => {
    later(world, () => {
      world.isolate(world.node(to))
      world.crash(world.node(from), 5)
    })
  },
  'the voter crashes': ({ from }, world) => later(world, () => crash(world, from)),
  'the voter crashes as it sends it': ({ from }, world) => crash(world, from),
  'the winner crashes': ({ to }, world) => later(world, () => crash(world, to)),
  'all crash': (_packet, world) => later(world, () => world.nodes.forEach(({ id }) => void crash(world, id))),
}

function run(members: number, blow: Blow, sabotage: Sabotage): void {
  for (const seed of SEEDS) {
    const random = new Random(seed, members)
    const fate = (packet: Packet, hostile: World): Fate => {
      // Requests are late, so that the campaigns of several members overlap.
      if (packet.kind === Message.PRE_VOTE) return [random.between(0, 60), random.between(0, 90)]
      // One copy comes so late that whoever crashed meanwhile gives votes again, and none has been counted yet.
      if (packet.kind === Message.VOTE) return [random.between(0, 60), random.between(105, 170)]
      if (!grants(packet)) return undefined
      if (random.next() < 0.5) blow(packet, hostile)
      return [0, random.between(0, 40)]
    }
    const world = new World({ members, seed, sabotage, fate })
    for (let round = 0; round < ROUNDS; round += 1) {
      world.traffic(200, 20)
      world.network.heal()
      const leader = world.nodes.find(({ id, plane }) => plane.leader(0) === id)
      if (leader !== undefined) world.isolate(leader)
      world.traffic(150, 20)
      world.network.heal()
    }
    world.rest()
  }
}

export const scenarios: readonly Scenario[] = [3, 5].flatMap((members) =>
  Object.entries(BLOWS).map(([name, blow]) => ({
    name: `${members} members, ${name}`,
    run: (sabotage = {}) => run(members, blow, sabotage),
  })),
)
