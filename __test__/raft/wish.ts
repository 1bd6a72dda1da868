// What somebody who knows the configuration in force wishes for, without force.
import type { Parts, Wish } from '../../src/raft/configuration.js'
import type { Raft } from '../../src/raft/raft.js'

export const wish = (raft: Raft, parts: Parts): Wish => ({ from: raft.configurations.current.index, isForced: false, parts })
