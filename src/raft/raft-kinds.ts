// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

/** Raft messages, as in crates/codec/FORMATS.md. */
export const Message = {
  /** would I get your vote? */
  PRE_VOTE: 1,
  /** the answer */
  PRE_VOTE_REPLY: 2,
  /** asks for a vote */
  VOTE: 3,
  /** the answer */
  VOTE_REPLY: 4,
  /** entries, or a heartbeat */
  APPEND: 5,
  /** the answer */
  APPEND_REPLY: 6,
  /** campaign at once */
  TIMEOUT_NOW: 7,
  /** how receiving a snapshot ended */
  SNAPSHOT_STATUS: 8,
  /** asks where the others stand, after a loss */
  RECOVER: 9,
  /** the answer */
  RECOVER_REPLY: 10,
} as const

/** One of them. */
export type Message = (typeof Message)[keyof typeof Message]

/** Roles of a member in a group, as in crates/codec/FORMATS.md. */
export const Role = {
  /** follows a leader, or waits for one */
  FOLLOWER: 0,
  /** asks for votes, or whether it would get them */
  CANDIDATE: 1,
  /** leads */
  LEADER: 2,
  /** follows and does not vote */
  LEARNER: 3,
} as const

/** One of them. */
export type Role = (typeof Role)[keyof typeof Role]
