// What a role adds to the state that all roles share: raft.ts holds one of them at a time.
import type { Incoming } from './message.js'

/** A role. */
export interface Behaviour {
  /** One of `Role`. */
  readonly role: number
  /** When `tick` wants to be called, ms. */
  readonly deadline: number
  /** A message of the current term (or an answer to a pre-vote) that is not a request for a vote. */
  receive(message: Incoming): void
  tick(): void
  /** Hands over what the events of this step have gathered. */
  flush(): void
  proposals(count: number, bytes: number): void
  reads(sequence: number): void
  /** The role ends. */
  leave(): void
}
