// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

/** Error codes by name, the same in Rust and TypeScript. */
export const Code = {
  /** done */
  OK: 0,
  /** the call's arguments are wrong */
  INVALID_ARGUMENT: 1,
  /** a key needs at least one byte */
  KEY_EMPTY: 2,
  /** the key is longer than keyBytesMax */
  KEY_TOO_LARGE: 3,
  /** the value is longer than valueBytesMax */
  VALUE_TOO_LARGE: 4,
  /** the range ends before it starts */
  RANGE_REVERSED: 5,
  /** the request is larger than requestBytesMax */
  REQUEST_TOO_LARGE: 6,
  /** a transaction's branch writes one key twice */
  DUPLICATE_KEY: 7,
  /** a transaction has more than txnOperationsMax operations */
  TOO_MANY_OPERATIONS: 8,
  /** the key does not exist */
  KEY_NOT_FOUND: 9,
  /** the lease does not exist */
  LEASE_NOT_FOUND: 10,
  /** the revision has been compacted */
  COMPACTED: 11,
  /** the revision is above the current one */
  FUTURE_REVISION: 12,
  /** a queue is full; nothing was done */
  BUSY: 20,
  /** the group has no leader now */
  NO_LEADER: 21,
  /** this member is not the leader; nothing was done */
  NOT_LEADER: 22,
  /** the leader was lost while the write was under way; it may or may not be committed */
  LEADER_LOST: 23,
  /** the session is no longer known, so whether the write was done cannot be told */
  SESSION_EXPIRED: 24,
  /** the write was done, but its result is no longer kept */
  RESULT_FORGOTTEN: 25,
  /** no answer in time; a write may or may not be committed */
  TIMEOUT: 26,
  /** the caller's signal aborted the call, or another took its place; a write may or may not be committed */
  ABORTED: 27,
  /** the store is closed */
  CLOSED: 28,
  /** no member answers at the given endpoints */
  UNREACHABLE: 29,
  /** this member is further behind than maxStaleness allows */
  STALE: 30,
  /** the watch fell behind the compacted revision */
  WATCH_LOST: 31,
  /** the member does not host that group */
  GROUP_NOT_FOUND: 32,
  /** this member holds no read lease now, so it cannot read synchronously */
  NO_LEASE: 33,
  /** another change of the members is under way; nothing was done */
  MEMBERS_CHANGING: 34,
  /** a member that is to vote has not caught up; nothing was done */
  MEMBER_BEHIND: 35,
  /** too few of the voters that there would be answer now; nothing was done */
  QUORUM_AT_RISK: 36,
  /** this member was removed from its cluster; a new one, in an empty data directory, can join */
  MEMBER_REMOVED: 37,
  /** that member is a witness: it has no data, so it serves no reads and does not lead; ask another one */
  MEMBER_IS_WITNESS: 38,
  /** that member belongs to another cluster */
  CLUSTER_MISMATCH: 40,
  /** the other side speaks another protocol version */
  PROTOCOL_VERSION: 41,
  /** a malformed frame or request */
  PROTOCOL_ERROR: 42,
  /** no member of that name or id */
  MEMBER_UNKNOWN: 43,
  /** another process listens on that address */
  PORT_IN_USE: 44,
  /** the address cannot be used */
  ADDRESS_INVALID: 45,
  /** the other side does not know this cluster's token */
  TOKEN_MISMATCH: 46,
  /** another process runs under that member's name */
  NAME_IN_USE: 47,
  /** another process has the data directory open */
  DATA_DIR_LOCKED: 50,
  /** the data directory belongs to another cluster or member */
  DATA_DIR_MISMATCH: 51,
  /** the data was written by a newer version */
  FORMAT_NEWER: 52,
  /** the log is damaged */
  LOG_CORRUPT: 53,
  /** a segment of the log is missing */
  LOG_SEGMENT_MISSING: 54,
  /** the store is damaged */
  STORE_CORRUPT: 55,
  /** the disk is full */
  DISK_FULL: 56,
  /** the operating system reports an input or output error */
  IO: 57,
  /** an earlier write failed; the member has stopped */
  POISONED: 58,
  /** something that a data directory must hold is missing */
  DATA_DIR_INCOMPLETE: 59,
  /** the native binary of this platform is not installed */
  BINARY_MISSING: 60,
  /** the thread of the Raft worker could not be started */
  WORKER_FAILED: 61,
  /** the process, or the system, has no file descriptors left */
  OUT_OF_FILES: 62,
  /** the backup ends before its end */
  BACKUP_TRUNCATED: 70,
  /** a checksum of the backup is wrong */
  BACKUP_DAMAGED: 71,
  /** the backup was encrypted with another key */
  BACKUP_KEY_WRONG: 72,
  /** a backup that another one continues is missing */
  BACKUP_CHAIN_BROKEN: 73,
  /** an object store refuses the keys, or what they may do */
  ACCESS_DENIED: 74,
  /** a broken invariant: a bug in rafterdb */
  INTERNAL: 99,
} as const

/** The name of an error code, which programs match. */
export type ErrorCode = keyof typeof Code
