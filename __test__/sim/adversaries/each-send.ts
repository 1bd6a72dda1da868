// Aims at the order of disk and network: a member crashes at each of its sends, just before the message leaves or just after,
// and comes back with what its disk holds.
import { Message } from '../../../src/raft/raft-kinds.js'
import type { Node, Sabotage } from '../node.js'
import type { Packet } from '../plane.js'
import { type Scenario, World } from './world.js'

/** Sends that promise something, of a run in which one member after the other leads; every few of them is tried. */
const SENDS = 100
const STRIDE = 9

/** Whether something must be on disk before it leaves, or is lost without it. */
function promises({ kind, fields, entries }: Packet): boolean {
  if (kind === Message.APPEND) return entries.length > 0
  if (kind === Message.APPEND_REPLY) return fields[0]! > fields[5]!
  return kind === Message.VOTE || kind === Message.VOTE_REPLY || kind === Message.TIMEOUT_NOW
}

function run(at: number, leaves: boolean, sabotage: Sabotage): void {
  let sends = 0
  const world = new World({
    ...{ sabotage, seed: at, fsync: 0.8 },
    fate: (packet, hostile) => {
      if (promises(packet)) sends += 1
      if (sends !== at || !promises(packet)) return undefined
      hostile.crash(hostile.node(packet.from), 25)
      return leaves ? undefined : 'lost'
    },
  })
  world.traffic(60, 8)
  const leader = world.leader()
  const [second, third] = world.others(leader) as [Node, Node]
  // From now on there is nobody who could stand in for what is lost.
  world.isolate(third)
  world.traffic(100, 6)
  leader.plane.transfer(0, second.id)
  world.traffic(120, 6)
  // What only the crashed one remembers would be lost now.
  for (const node of world.nodes) node.crash()
  world.rest()
}

export const scenarios: readonly Scenario[] = [false, true].map((leaves) => ({
  name: leaves ? 'the message leaves, and its sender crashes' : 'the sender crashes, and the message does not leave',
  run: (sabotage = {}) => {
    for (let at = 1; at <= SENDS; at += STRIDE) run(at, leaves, sabotage)
  },
}))
