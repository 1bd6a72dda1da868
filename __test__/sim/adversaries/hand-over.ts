// Aims at leases: the message that hands leadership over is held up, for less and for more than a lease lasts, and the old
// leader hears nothing of the election it starts. Nobody may then answer reads from the past.
import { Message } from '../../../src/raft/raft-kinds.js'
import type { Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

const DELAYS = [0, 15, 50, 85, 95, 120, 180]

function run(late: number, sabotage: Sabotage): void {
  let cut = false
  const world = new World({
    ...{ members: 3, leaseReads: true, sabotage },
    fate: (packet, hostile) => {
      if (packet.kind !== Message.TIMEOUT_NOW) return undefined
      if (!cut) hostile.scheduler.after(late + 1.1, () => hostile.isolate(hostile.node(packet.from)))
      cut = true
      return late
    },
  })
  const leader = world.leader()
  world.commit(leader)
  world.traffic(60)
  const target = world.others(leader)[0]!
  leader.plane.transfer(0, target.id)
  world.traffic(late + 150, 2)
  world.rest()
}

export const scenarios: readonly Scenario[] = DELAYS.map((late) => ({
  name: `the message is ${late} ms late`,
  run: (sabotage = {}) => run(late, sabotage),
}))
