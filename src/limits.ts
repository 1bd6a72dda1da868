// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

/** Bounds, each with its unit last. */
export const limits = {
  /** bytes of a key */
  keyBytesMax: 65536,
  /** default limit of a value, bytes (1.5 MiB) */
  valueBytesMax: 1572864,
  /** largest limit of a value, bytes: an event with the value before it fits a frame */
  valueBytesLargest: 3932160,
  /** highest priority of a member */
  memberPriorityMax: 255,
  /** bytes of the name of whoever is behind a request */
  principalBytesMax: 255,
  /** bytes of one request to a member, its header included */
  requestBytesMax: 4194304,
  /** operations of one batch, those in its transactions and their compares included */
  batchOperationsMax: 512,
  /** operations and compares of one batch that are on ranges of keys; of a transaction's branches the one with more counts */
  batchRangesMax: 128,
  /** ranges of one read request */
  readRangesMax: 16384,
  /** a client closes a batch at this many bytes, unless it is one operation */
  batchBytesMax: 131072,
  /** operations in one part of a transaction */
  txnOperationsMax: 128,
  /** payload bytes of one append message, unless it is one entry */
  appendBytesMax: 1048576,
  /** runs of terms in one append message */
  appendRunsMax: 1024,
  /** configurations that a member takes of one append message; the entries from the next one on it gets again */
  appendConfigurationsMax: 64,
  /** appends under way to one follower */
  inflightMessagesMax: 64,
  /** bytes of appends under way to one follower */
  inflightBytesMax: 16777216,
  /** bytes of proposals waiting in one group */
  proposalBytesMax: 67108864,
  /** bytes after which a range reply stops, with MORE set */
  readReplyBytesMax: 1048576,
  /** read requests waiting in one group */
  readsWaitingMax: 65536,
  /** bytes of read requests waiting in one group */
  readsWaitingBytesMax: 67108864,
  /** requests handed to the leader that wait for its answer */
  forwardsWaitingMax: 65536,
  /** leader transfers of one group that wait */
  transfersWaitingMax: 256,
  /** messages of members that wait for the worker; more are dropped */
  messagesWaitingMax: 8192,
  /** bytes of entries in them */
  messagesWaitingBytesMax: 268435456,
  /** bytes of one frame's body */
  frameBytesMax: 8388608,
  /** bytes of a snapshot sent and not acknowledged: what is sent again after a broken connection */
  snapshotWindowBytesMax: 8388608,
  /** snapshots that a member sends at a time, of all its groups; others wait their turn */
  snapshotsSentMax: 4,
  /** of those, snapshots to one member */
  snapshotsSentToOneMax: 2,
  /** snapshots that a member receives at a time; more are refused */
  snapshotsReceivedMax: 16,
  /** bytes of a Unix socket's path: what all systems take */
  unixPathBytesMax: 103,
  /** bytes waiting to be written to one connection */
  sendQueueBytesMax: 67108864,
  /** sessions remembered for deduplication; the least recently used goes */
  sessionsMax: 4096,
  /** batches of one session that may be unanswered */
  sessionWindowMax: 4096,
  /** a kept result larger than this is forgotten (RESULT_FORGOTTEN on a retry) */
  sessionResultBytesMax: 4096,
  /** highest revision that a store can be raised to; half of what a number of JavaScript holds */
  revisionRaisedMax: 4503599627370496,
  /** events sent to a watcher before it must ask for more */
  watchCreditDefault: 1024,
  /** watches of one member */
  watchersMax: 100000,
  /** groups of one member */
  groupsMax: 4096,
  /** members of a cluster, those that learn or leave included: one of seven is replaced while all are there */
  membersMax: 9,
  /** bytes of a member's name */
  memberNameBytesMax: 255,
  /** bytes of a member's endpoint */
  endpointBytesMax: 320,
  /** size of the events array */
  eventsDoublesMax: 65536,
  /** size of the commands array; longer runs of commands take several exchanges */
  commandsDoublesMax: 65536,
} as const
