// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

/** Kinds of event, as in crates/codec/FORMATS.md. */
export const Event = {
  OPENED: 0,
  PROPOSALS: 1,
  MESSAGE: 2,
  DURABLE: 3,
  APPLIED: 4,
  PEER: 5,
  READS: 6,
  SNAPSHOT_SENT: 7,
  SNAPSHOT_INSTALLED: 8,
  PERSISTED: 9,
  CONTROL: 10,
  TRANSFER: 11,
  CLOSE: 12,
  OPENED_RUNS: 13,
  COMMITTED: 14,
  SENT: 15,
} as const

/** Kinds of command, as in crates/codec/FORMATS.md. */
export const Command = {
  ACCEPT: 1,
  NOOP: 2,
  APPEND: 3,
  DROP: 4,
  PERSIST: 5,
  SEND: 6,
  COMMIT: 7,
  SERVE_READS: 8,
  LEASE: 9,
  ROLE: 10,
  FAIL: 11,
  SNAPSHOT_SEND: 12,
  CUT: 13,
  RESTORE: 14,
  RECOVERED: 15,
  TRANSFER_OVER: 16,
} as const
