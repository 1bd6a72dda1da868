// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

/** Events, told to the Raft core, as in crates/codec/FORMATS.md. */
export const Event = {
  /** where a group stands at start */
  OPENED: 0,
  /** a chunk of entries waits to be accepted */
  PROPOSALS: 1,
  /** a Raft message of another member */
  MESSAGE: 2,
  /** how far the log is on this member's disk */
  DURABLE: 3,
  /** how far the log is applied */
  APPLIED: 4,
  /** another member is, or is not, connected */
  PEER: 5,
  /** reads wait to be confirmed */
  READS: 6,
  /** how sending a snapshot ended */
  SNAPSHOT_SENT: 7,
  /** how receiving a snapshot ended */
  SNAPSHOT_INSTALLED: 8,
  /** how far the store holds the log */
  PERSISTED: 9,
  /** who the members are, in what the next record of the group tells of */
  CONFIGURATION: 10,
  /** somebody asks for the leadership to move */
  TRANSFER: 11,
  /** stop the worker */
  CLOSE: 12,
  /** the first of more term runs than an array holds */
  OPENED_RUNS: 13,
  /** the leader says that an entry is committed */
  COMMITTED: 14,
  /** how far the entries of a message went */
  SENT: 15,
  /** somebody asks for other members */
  CHANGE: 16,
} as const

/** One of them. */
export type Event = (typeof Event)[keyof typeof Event]

/** Commands of the Raft core, as in crates/codec/FORMATS.md. */
export const Command = {
  /** take the next chunk of proposals into the log */
  ACCEPT: 1,
  /** write a new leader's first entry */
  NOOP: 2,
  /** write a received payload into the log */
  APPEND: 3,
  /** a received payload is not wanted */
  DROP: 4,
  /** write term, vote and commit */
  PERSIST: 5,
  /** send a Raft message */
  SEND: 6,
  /** entries are committed */
  COMMIT: 7,
  /** reads are confirmed */
  SERVE_READS: 8,
  /** until when reads may be served without asking */
  LEASE: 9,
  /** role, term and leader */
  ROLE: 10,
  /** everything that waits and is not in the log fails */
  FAIL: 11,
  /** send a snapshot */
  SNAPSHOT_SEND: 12,
  /** entries may be forgotten */
  CUT: 13,
  /** the log begins anew after a snapshot */
  RESTORE: 14,
  /** the group is whole again */
  RECOVERED: 15,
  /** a leader transfer did not come about */
  TRANSFER_OVER: 16,
  /** who is a member from now on */
  ROSTER: 17,
  /** write the entry of a configuration */
  CONFIGURE: 18,
  /** what became of a change of the members */
  CHANGE_OVER: 19,
} as const

/** One of them. */
export type Command = (typeof Command)[keyof typeof Command]
