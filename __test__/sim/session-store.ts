// What the simulated state machine holds for clients with sessions: a few cells, and of each client the last operation that took effect.
// A value: an operation makes another one.

/** One operation of a client: the puts are made if the cell has that value. */
export interface Operation {
  readonly client: number
  /** Counts a client's operations from 1; one that is sent again keeps its number. */
  readonly sequence: number
  /** null: without a condition. */
  readonly compare: readonly [cell: number, value: number] | null
  readonly puts: readonly (readonly [cell: number, value: number])[]
}

export interface SessionStore {
  /** 0: nothing was put. */
  readonly cells: readonly number[]
  /** By client: number of its last operation, and whether its condition held. */
  readonly last: readonly (readonly [sequence: number, held: boolean])[]
  /** By client: operations that took effect, also those that should not have. */
  readonly effects: readonly number[]
}

export const CELLS = 4
export const NOTHING: SessionStore = { cells: Array.from({ length: CELLS }, () => 0), last: [], effects: [] }

/** The store after an operation; the same one if it has taken effect before. */
export function operated(store: SessionStore, { client, sequence, compare, puts }: Operation): SessionStore {
  if (sequence <= (store.last[client]?.[0] ?? 0)) return store
  const held = compare === null || store.cells[compare[0]] === compare[1]
  const cells = store.cells.slice()
  if (held) for (const [cell, value] of puts) cells[cell] = value
  const last = store.last.slice()
  const effects = store.effects.slice()
  last[client] = [sequence, held]
  effects[client] = (effects[client] ?? 0) + 1
  return { cells, last, effects }
}
