// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

/** Kinds of message, as in crates/codec/FORMATS.md. */
export const Message = {
  PRE_VOTE: 1,
  PRE_VOTE_REPLY: 2,
  VOTE: 3,
  VOTE_REPLY: 4,
  APPEND: 5,
  APPEND_REPLY: 6,
  TIMEOUT_NOW: 7,
  SNAPSHOT_STATUS: 8,
  RECOVER: 9,
  RECOVER_REPLY: 10,
} as const

/** Kinds of role, as in crates/codec/FORMATS.md. */
export const Role = {
  FOLLOWER: 0,
  CANDIDATE: 1,
  LEADER: 2,
  LEARNER: 3,
} as const
