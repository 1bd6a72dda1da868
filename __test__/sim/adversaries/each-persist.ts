// Aims at what is told before it is on disk: a member, or all of them, or the only one, crashes at each write that is handed
// to a disk, when a part of what was handed over may be there and the rest is gone.
import type { Sabotage } from '../node.js'
import { type Scenario, World } from './world.js'

const WRITES = 120
const STRIDE = 13

function run(members: number, at: number, all: boolean, sabotage: Sabotage): void {
  const world = new World({
    ...{ members, sabotage, seed: at, fsync: 2, persistShare: 0.3, logRetainBytes: 100 },
    onDiskWrite: (node, count, hostile) => {
      if (count !== at) return
      const blow = (): void => {
        for (const each of all ? hostile.nodes : [node]) hostile.crash(each, 25)
      }
      // Before what follows the write can leave, or just after.
      if (at % 2 === 0) blow()
      else hostile.scheduler.after(0.5, blow)
    },
  })
  world.traffic(250, 10)
  world.rest()
}

export const scenarios: readonly Scenario[] = (
  [
    ['the member that writes crashes', 3, false],
    ['all crash', 3, true],
    ['the only member crashes', 1, true],
  ] as const
).map(([name, members, all]) => ({
  name,
  run: (sabotage = {}) => {
    for (let at = 1; at <= WRITES; at += STRIDE) run(members, at, all, sabotage)
  },
}))
