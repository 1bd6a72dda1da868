// One member's simulated state machine of one group: which entry it applied last, and a digest of all of them.
import type { Configured, Entry } from './member-log.js'
import { NOTHING, operated, type SessionStore } from './session-store.js'

/** A state, which is also what a snapshot holds. */
export interface State {
  readonly index: number
  readonly term: number
  /** Depends on every entry up to index and on their order. */
  readonly digest: number
  /** The last one up to there; undefined: that of the founding. */
  readonly configuration: Configured | undefined
  /** Of clients with sessions. */
  readonly store: SessionStore
}

export const EMPTY: State = { index: 0, term: 0, digest: 0, configuration: undefined, store: NOTHING }

/** The state after one more entry. */
export function applied(state: State, entry: Entry): State {
  const digest = (Math.imul(state.digest ^ entry.value, 0x9e3779b1) ^ (state.digest >>> 15)) >>> 0
  const { term, parts, operation } = entry
  const index = state.index + 1
  const configuration = parts === undefined ? state.configuration : { index, term, parts }
  return { index, term, digest, configuration, store: operation === undefined ? state.store : operated(state.store, operation) }
}

/** The state of a witness after one more entry: it knows where it stands, and who the members are. */
export function witnessed(state: State, { term, parts }: Entry): State {
  const index = state.index + 1
  return { ...EMPTY, index, term, configuration: parts === undefined ? state.configuration : { index, term, parts } }
}

/** What a witness is sent of a state. */
export function stripped({ index, term, configuration }: State): State {
  return { ...EMPTY, index, term, configuration }
}

/** A store: the state now, and as much of it as a restart finds. */
export class Machine {
  state: State
  persisted: State

  constructor(persisted: State) {
    this.state = persisted
    this.persisted = persisted
  }
}
