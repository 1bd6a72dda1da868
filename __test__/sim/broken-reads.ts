// Members whose reads at followers are broken on purpose, each in one way, for the canaries of random runs and of adversaries.
// Knows no checker.
import { Raft } from '../../src/raft/raft.js'
import type { Sabotage } from './node.js'
import { type Packet, SimulatedPlane } from './plane.js'
import { READ_REPLY } from './plane-world.js'

/** Takes what a leader said to be committed for its own entry there, of whatever term. Random faults do not meet it in 600 seeds. */
export class Trusting extends Raft {
  override committed(index: number, term: number): void {
    const here = index > this.log.baseIndex && index <= this.log.lastIndex
    super.committed(index, here ? this.log.term(index) : term)
  }
}

/** Takes any answer for the answer to what it asked last. */
export const anyAnswer: Sabotage = {
  createPlane: (...args) => {
    class Confusing extends SimulatedPlane {
      override receive(packet: Packet): void {
        if (packet.kind !== READ_REPLY) super.receive(packet)
        else super.receive({ ...packet, from: this.leader(0), fields: [this.asked(0), ...packet.fields.slice(1)] })
      }
    }
    return new Confusing(...args)
  },
}

/** Answers under its lease from what it has applied, though more is committed. */
export const leasedAtOnce: Sabotage = {
  createPlane: (id, world, times, durable) => new SimulatedPlane(id, world, { ...times, leasedReadsWait: false }, durable),
}
