// Generated from src/index.ts by `npm run build:ts`; do not edit.
/// <reference lib="esnext.disposable" />

declare const Code: {
  /** done */
  readonly OK: 0;
  /** the call's arguments are wrong */
  readonly INVALID_ARGUMENT: 1;
  /** a key needs at least one byte */
  readonly KEY_EMPTY: 2;
  /** the key is longer than keyBytesMax */
  readonly KEY_TOO_LARGE: 3;
  /** the value is longer than valueBytesMax */
  readonly VALUE_TOO_LARGE: 4;
  /** the range ends before it starts */
  readonly RANGE_REVERSED: 5;
  /** the request is larger than requestBytesMax */
  readonly REQUEST_TOO_LARGE: 6;
  /** a transaction's branch writes one key twice */
  readonly DUPLICATE_KEY: 7;
  /** a transaction has more than txnOperationsMax operations */
  readonly TOO_MANY_OPERATIONS: 8;
  /** the key does not exist */
  readonly KEY_NOT_FOUND: 9;
  /** the lease does not exist */
  readonly LEASE_NOT_FOUND: 10;
  /** the revision has been compacted */
  readonly COMPACTED: 11;
  /** the revision is above the current one */
  readonly FUTURE_REVISION: 12;
  /** a queue is full; nothing was done */
  readonly BUSY: 20;
  /** the group has no leader now */
  readonly NO_LEADER: 21;
  /** this member is not the leader; nothing was done */
  readonly NOT_LEADER: 22;
  /** the leader was lost while the write was under way; it may or may not be committed */
  readonly LEADER_LOST: 23;
  /** the session is no longer known, so whether the write was done cannot be told */
  readonly SESSION_EXPIRED: 24;
  /** the write was done, but its result is no longer kept */
  readonly RESULT_FORGOTTEN: 25;
  /** no answer in time; a write may or may not be committed */
  readonly TIMEOUT: 26;
  /** the caller's signal aborted the call, or another took its place; a write may or may not be committed */
  readonly ABORTED: 27;
  /** the store is closed */
  readonly CLOSED: 28;
  /** no member answers at the given endpoints */
  readonly UNREACHABLE: 29;
  /** this member is further behind than maxStaleness allows */
  readonly STALE: 30;
  /** the watch fell behind the compacted revision */
  readonly WATCH_LOST: 31;
  /** the member does not host that group */
  readonly GROUP_NOT_FOUND: 32;
  /** this member holds no read lease now, so it cannot read synchronously */
  readonly NO_LEASE: 33;
  /** another change of the members is under way; nothing was done */
  readonly MEMBERS_CHANGING: 34;
  /** a member that is to vote has not caught up; nothing was done */
  readonly MEMBER_BEHIND: 35;
  /** too few of the voters that there would be answer now; nothing was done */
  readonly QUORUM_AT_RISK: 36;
  /** this member was removed from its cluster; a new one, in an empty data directory, can join */
  readonly MEMBER_REMOVED: 37;
  /** that member is a witness: it has no data, so it serves no reads and does not lead; ask another one */
  readonly MEMBER_IS_WITNESS: 38;
  /** that member belongs to another cluster */
  readonly CLUSTER_MISMATCH: 40;
  /** the other side speaks another protocol version */
  readonly PROTOCOL_VERSION: 41;
  /** a malformed frame or request */
  readonly PROTOCOL_ERROR: 42;
  /** no member of that name or id */
  readonly MEMBER_UNKNOWN: 43;
  /** another process listens on that address */
  readonly PORT_IN_USE: 44;
  /** the address cannot be used */
  readonly ADDRESS_INVALID: 45;
  /** the other side does not know this cluster's token */
  readonly TOKEN_MISMATCH: 46;
  /** another process runs under that member's name */
  readonly NAME_IN_USE: 47;
  /** another process has the data directory open */
  readonly DATA_DIR_LOCKED: 50;
  /** the data directory belongs to another cluster or member */
  readonly DATA_DIR_MISMATCH: 51;
  /** the data was written by a newer version */
  readonly FORMAT_NEWER: 52;
  /** the log is damaged */
  readonly LOG_CORRUPT: 53;
  /** a segment of the log is missing */
  readonly LOG_SEGMENT_MISSING: 54;
  /** the store is damaged */
  readonly STORE_CORRUPT: 55;
  /** the disk is full */
  readonly DISK_FULL: 56;
  /** the operating system reports an input or output error */
  readonly IO: 57;
  /** an earlier write failed; the member has stopped */
  readonly POISONED: 58;
  /** something that a data directory must hold is missing */
  readonly DATA_DIR_INCOMPLETE: 59;
  /** the native binary of this platform is not installed */
  readonly BINARY_MISSING: 60;
  /** the thread of the Raft worker could not be started */
  readonly WORKER_FAILED: 61;
  /** the process, or the system, has no file descriptors left */
  readonly OUT_OF_FILES: 62;
  /** the backup ends before its end */
  readonly BACKUP_TRUNCATED: 70;
  /** a checksum of the backup is wrong */
  readonly BACKUP_DAMAGED: 71;
  /** the backup was encrypted with another key */
  readonly BACKUP_KEY_WRONG: 72;
  /** a backup that another one continues is missing */
  readonly BACKUP_CHAIN_BROKEN: 73;
  /** an object store refuses the keys, or what they may do */
  readonly ACCESS_DENIED: 74;
  /** a broken invariant: a bug in rafterdb */
  readonly INTERNAL: 99;
};
/** The name of an error code, which programs match. */
export type ErrorCode = keyof typeof Code;
/**
 * Whether a call that failed has had an effect. `not-done`: none, and none will come of it. `unknown`: it may be done or may still
 * be, so read before writing again. `done`: it was, though its result is lost.
 */
export type Outcome = "done" | "not-done" | "unknown";
/** How it stands between the member that answered and another one, or between a client and an endpoint. */
export interface PeerStatus {
  /** Empty if it is not known. */
  name: string;
  endpoint: string;
  /** Whether it is reached now. */
  connected: boolean;
  /** Why it is not: UNREACHABLE, CLUSTER_MISMATCH (another list of members), TOKEN_MISMATCH, NAME_IN_USE, …; null: no reason yet. */
  code: ErrorCode | null;
  /** The same for people. */
  message: string | null;
}
/** What is known of the reasons. */
export interface ErrorDetails {
  /** With NO_LEADER and what follows from it: the other members as the one that answered sees them. With UNREACHABLE: the endpoints. */
  members: PeerStatus[];
}
/** What an error may carry besides its code and message. */
export interface RafterErrorOptions extends ErrorOptions {
  outcome?: Outcome | undefined;
  details?: ErrorDetails | undefined;
}
/** Every error that rafterdb reports. */
export declare class RafterError extends Error {
  /** What kind of failure; see `Code` for the list. */
  readonly code: ErrorCode;
  readonly name = "RafterError";
  /** Whether the call has had an effect; absent where there was no call: `open`, `connect`, `onFatal`. */
  readonly outcome?: Outcome;
  /** Who is not reached, and why, where that is the reason. */
  readonly details?: ErrorDetails;
  constructor(
  /** What kind of failure; see `Code` for the list. */
  code: ErrorCode, message: string, options?: RafterErrorOptions);
}
/** What every call takes. */
export interface CallOptions {
  /** Aborts the call: it rejects with ABORTED. A write that was already sent may still be committed: see the error's `outcome`. */
  signal?: AbortSignal | undefined;
  /** Milliseconds until the call rejects with TIMEOUT. Default: `requestTimeout` of the database, 5,000. */
  timeout?: number | undefined;
}
/** One member of the cluster, as the member that answers knows it. */
export interface Member {
  /** Its number: nobody else in the cluster has had it, or will. */
  id: number;
  name: string;
  /** Where the others reach it. */
  endpoint: string;
  /** A voter counts for majorities. A learner gets all that is written, and counts for nothing. */
  role: "voter" | "learner";
  /** It votes, or learns to, without the data: it never leads, and serves no reads. */
  isWitness: boolean;
  /** Of those that can lead the one with the highest does, once it has been there for a while; 0 to 255, default 0. */
  priority: number;
  isLeader: boolean;
  /** What becomes of it by a change of voters that is under way, during which it votes in either case; null: it stays what it is. */
  changing: "promoted" | "removed" | null;
}
/** A member that a cluster is founded with. */
export interface Founder {
  /** `host:port`. */
  endpoint: string;
  /** As of `JoinOptions`: it joins those with data by itself once these have founded the cluster, and `open` resolves then. Default: false. */
  witness?: boolean | undefined;
  /** As of `JoinOptions`, of all members that are given: the cluster takes them while no member has one; `members.update` changes them. Default: 0. */
  priority?: number | undefined;
}
/** What a member that joins a cluster is to be. */
export interface JoinOptions {
  /** With `join`: where the others reach this member, `host:port`. Default: the first such address of `listen`. */
  advertise?: string | undefined;
  /** With `join`: ends an `open` that still waits, which rejects with ABORTED. The next one goes on. */
  signal?: AbortSignal | undefined;
  /**
   * With `join`: this member is a witness, from its first start on and for as long as it is a member. It votes, and keeps the log's terms and who
   * the members are, but no data: its directory stays small, whatever is written. It never leads. Writes and reads through it go to the
   * leader, `backup` is made of a member with data; `watch` and `getSync` are MEMBER_IS_WITNESS: `connect` to a member with data for those. Two members with data and
   * a witness go on when one of the three fails. While one of the two with data is down, what is acknowledged is on one disk only: if that is lost
   * too, so is what was written meanwhile. Of the voters fewer than a majority are witnesses. Default: false.
   */
  witness?: boolean | undefined;
  /**
   * With `join`: who of those that can lead does rather than others, 0 to 255; default: 0, or what it had. A leader hands over to a member of
   * higher priority that has kept up for ten election timeouts. See `members.update`, also for founders.
   */
  priority?: number | undefined;
}
/** A member to take in. */
export interface NewMember {
  name: string;
  endpoint: string;
  witness?: boolean | undefined;
  priority?: number | undefined;
}
/** What of a member can be another. */
export interface MemberUpdate {
  endpoint?: string | undefined;
  priority?: number | undefined;
}
/** What a change of the members has come to. */
export interface MembersChange {
  /** The member that it was about, as it is now; one that was removed, as it was. */
  member: Member;
  /** All members after the change. */
  members: Member[];
}
/** Which member: its name, or its number. */
export type MemberRef = string | number;
/** Of a change that takes a voter away. */
export interface RemoveOptions extends CallOptions {
  /**
   * Do it although a majority of those that would be left does not answer now. What is written then waits until they do. It takes a majority of
   * the voters that there are all the same: once those are gone for good, only `forceNewCluster` helps. Default false.
   */
  force?: boolean | undefined;
}
/**
 * The members of the cluster, and changes of them while it runs. One change is made at a time: each is tried again while another is under
 * way, and through changes of leader, until its time is up. A change that is so already is done, whoever made it. Each is made for good
 * when it resolves, and it is never made from a list that is out of date.
 *
 * Errors of all changes: MEMBER_UNKNOWN (no such member; it names the nearest), INVALID_ARGUMENT, QUORUM_AT_RISK (too few of the voters
 * that there would be answer: start those that are down first, or remove one of them instead), TIMEOUT, ABORTED, CLOSED. After TIMEOUT
 * and ABORTED `outcome` says whether the change may have been made, or may still be.
 */
export interface Members {
  /** The same as `list`. */
  (options?: CallOptions): Promise<Member[]>;
  /** All members as the one that is asked knows them. */
  list(options?: CallOptions): Promise<Member[]>;
  /**
   * Takes a member in, as a learner: it endangers no majority. What runs under that name with `join` then takes the place, and is made a
   * voter once it has caught up; `open` with `join` does this by itself. INVALID_ARGUMENT if another member has that name or endpoint,
   * or there are seven. `witness`: it votes without the data, as long as it is a member: see `open`; of the voters fewer than a
   * majority are witnesses, else promoting it is INVALID_ARGUMENT. `priority`: who leads rather than others, 0 to 255, default 0.
   */
  add(member: NewMember, options?: CallOptions): Promise<MembersChange>;
  /** Makes a learner a voter, as soon as it has caught up. TIMEOUT if it has not by then. */
  promote(member: MemberRef, options?: CallOptions): Promise<MembersChange>;
  /**
   * Takes a member out. It stops with MEMBER_REMOVED when it hears of that, and its data directory cannot come back; the name can, with
   * an empty one. A leader hands over first. INVALID_ARGUMENT if no other member votes.
   */
  remove(member: MemberRef, options?: RemoveOptions): Promise<MembersChange>;
  /**
   * Gives a member another endpoint, for which it must listen there too, another priority, or both. INVALID_ARGUMENT if another member has the
   * endpoint. A leader of lower priority hands over when the member has been there for ten election timeouts.
   */
  update(member: MemberRef, to: MemberUpdate, options?: CallOptions): Promise<MembersChange>;
  /**
   * Takes a member out and puts another one, which is a member already, in its place: in one step, so that there are never fewer or more
   * voters. Waits until the newcomer has caught up. `member` of the result is the newcomer.
   */
  replace(member: MemberRef, by: MemberRef, options?: RemoveOptions): Promise<MembersChange>;
}
/**
 * A key or value: a string is its UTF-8 bytes. A lone surrogate is stored as U+FFFD, and bytes that are not valid UTF-8
 * read as U+FFFD too unless the call says `as: 'bytes'`.
 */
export type Bytes = string | Uint8Array;
/** How fresh a read must be. Default: linearizable. */
export interface ReadOptions extends CallOptions {
  /** `linearizable`: sees every write acknowledged before the call. `serializable`: what this member has now. */
  consistency?: "linearizable" | "serializable" | undefined;
  /** Milliseconds a member's state may be behind; the read is then served locally. STALE if it is further behind. Excludes `consistency`. */
  maxStaleness?: number | undefined;
  /** Read the state at this revision. COMPACTED or FUTURE_REVISION if it cannot be. */
  revision?: number | undefined;
}
/** How fresh a synchronous read must be: as in `ReadOptions`. */
export type SyncReadOptions = Pick<ReadOptions, "consistency" | "maxStaleness">;
/** One version of a key. Revisions are numbers below 2^53. */
export interface KeyValue<V = string> {
  key: string;
  value: V;
  createRevision: number;
  modRevision: number;
  /** 1 for a new key, one more with every put. */
  version: number;
  /** Id of the lease that the key is attached to; 0: none. There are no leases yet: always 0. */
  lease: number;
}
/** `as: 'bytes'` gives keys and values as Uint8Array; the default is strings. */
export type As = "string" | "bytes";
export type Pair<A extends As> = A extends "bytes" ? Omit<KeyValue<Uint8Array>, "key"> & {
  key: Uint8Array;
} : KeyValue;
export interface PutResult {
  /** The store's revision at which the write took effect. */
  revision: number;
}
export interface DeleteResult {
  revision: number;
  /** How many keys were deleted. */
  deleted: number;
}
/** Which keys: a prefix, or from (inclusive) to (exclusive), or everything. */
export interface Selection {
  prefix?: Bytes | undefined;
  from?: Bytes | undefined;
  to?: Bytes | undefined;
}
export interface RangeOptions<A extends As = "string"> extends ReadOptions, Selection {
  limit?: number | undefined;
  /** Descending keys. */
  reverse?: boolean | undefined;
  /** Values are empty. */
  keysOnly?: boolean | undefined;
  as?: A | undefined;
  /** Called before the first pair with the revision that all pages are read at. */
  onRevision?: ((revision: number) => void) | undefined;
}
export interface WatchOptions<A extends As = "string"> extends Selection {
  /** One key instead of a selection. */
  key?: Bytes | undefined;
  /**
   * First revision to report; the compacted one is the first that can be, and reported whole. Default: what happens from now on,
   * which is after the newest revision that a linearizable read made at the call would see; like such a read it waits while there
   * is no leader.
   */
  fromRevision?: number | undefined;
  /** Each event carries the pair as it was before. */
  previous?: boolean | undefined;
  as?: A | undefined;
  signal?: AbortSignal | undefined;
}
/** One change, as `watch` reports it: `type` tells which. */
export type WatchEvent<A extends As = "string"> = PutEvent<A> | DeleteEvent<A>;
interface Event$1<A extends As> {
  /** Revision of the change. Events come in order, none missing, none twice, also across a change of leader or connection. */
  revision: number;
  key: A extends "bytes" ? Uint8Array : string;
  /** 0 for a delete, as is `createRevision`. */
  version: number;
  createRevision: number;
  /** The pair as it was before, if that was asked for and there was one. */
  previous?: Pair<A> | undefined;
}
export interface PutEvent<A extends As = "string"> extends Event$1<A> {
  type: "put";
  value: A extends "bytes" ? Uint8Array : string;
}
export interface DeleteEvent<A extends As = "string"> extends Event$1<A> {
  type: "delete";
  value?: undefined;
}
/** What is compared. `lease`: there are none yet, so it is 0 of every key. */
export type CompareTarget = "version" | "createRevision" | "modRevision" | "value" | "lease";
export type CompareOperator = "=" | "!=" | "<" | ">";
/** `compare('key', 'version', '=', 0)`; with `selection` it must hold for every key in it. */
export interface Compare {
  key?: Bytes | undefined;
  selection?: Selection | undefined;
  target: CompareTarget;
  operator: CompareOperator;
  operand: number | Bytes;
}
export type TxnOperation = {
  type: "put";
  key: Bytes;
  value: Bytes;
  previous?: boolean | undefined;
} | ({
  type: "delete";
  key?: Bytes | undefined;
  previous?: boolean | undefined;
} & Selection) | ({
  type: "get";
  key: Bytes;
} | ({
  type: "range";
  limit?: number | undefined;
  reverse?: boolean | undefined;
  keysOnly?: boolean | undefined;
} & Selection)) | {
  type: "txn";
  if: Compare[];
  then: TxnOperation[];
  else: TxnOperation[];
};
export type TxnOperationResult<A extends As = "string"> = {
  type: "put";
  previous?: Pair<A> | undefined;
} | {
  type: "delete";
  deleted: number;
  previous: Pair<A>[];
} | {
  type: "get";
  pair: Pair<A> | null;
} | {
  type: "range";
  pairs: Pair<A>[];
  count: number;
  more: boolean;
} | {
  type: "txn";
  succeeded: boolean;
  results: TxnOperationResult<A>[];
};
export interface TxnResult<A extends As = "string"> {
  succeeded: boolean;
  revision: number;
  /** One for each operation of the branch that ran. */
  results: TxnOperationResult<A>[];
}
/** `await db.txn().if(compare(…)).then(put(…)).else(get(…)).commit()`. */
export interface Txn {
  if(...compares: Compare[]): Txn;
  then(...operations: TxnOperation[]): Txn;
  else(...operations: TxnOperation[]): Txn;
  commit<A extends As = "string">(options?: CallOptions & {
    as?: A | undefined;
  }): Promise<TxnResult<A>>;
}
/** The changes of some keys, in order. One consumer; leaving its loop ends the watch, as does `await using`. */
export interface Watch<A extends As = "string"> extends AsyncIterable<WatchEvent<A>>, AsyncDisposable {
  /**
   * Resolves, once a member watches, to the first revision that is reported. What this database does after `watch` is sent
   * after that, so the watch reports it; to rely on what others do, wait for this. A connection lost before may move it on.
   */
  started(): Promise<number>;
}
/** One member as `status` reports it. */
export interface MemberStatus {
  name: string;
  id: number;
  endpoint: string;
  /** The addresses on which it listens, Unix sockets too, with the ports that it really has. Empty: none, or it did not answer. */
  listen: string[];
  /** `witness`: it has no data; `revision`, `stateHash` and the like say nothing of a witness. */
  role: "leader" | "follower" | "candidate" | "learner" | "witness" | "unreachable";
  /** Name of the leader this member knows; null: none. */
  leader: string | null;
  term: number;
  lastIndex: number;
  committed: number;
  applied: number;
  revision: number;
  compactedRevision: number;
  /**
   * While the history keeps half as many deletes of hundreds of keys as it may (2,048 of 4,096): the revision to which it is compacted, by
   * itself unless `history.keep` is `'all'`, so that half of them go. 0: it does not.
   */
  crowdedRevision: number;
  /** Hex digest over every live pair at `applied`: equal on members with equal `applied`. */
  stateHash: string;
  /** Clients' sessions that are remembered, by which a write that is sent again is told from a new one; 4,096 at most. */
  sessions: number;
  /** Bytes on disk: log, tables, history. */
  diskBytes: number;
  /** How the log writes: O_DIRECT or fdatasync, as probed. */
  logMode: string;
  version: string;
  /**
   * Identity of the cluster whose data the member has, as hex digits: random, made once when the cluster was founded. Members
   * with different ones do not speak to each other. Empty: it has not learnt it yet.
   */
  cluster: string;
  /**
   * Identities that the cluster had before: each time that it began anew with one member (`forceNewCluster`), oldest first, with the
   * index of the entry at which it did.
   */
  formerClusters: {
    cluster: string;
    index: number;
  }[];
  /** The other members as this one sees them: whom it reaches, and why not. Empty for an unreachable one. */
  peers: PeerStatus[];
}
/** What can be listened for, with what a listener is called with. */
export interface DatabaseEvents {
  /**
   * `members.list()` gives something else than before, also who leads. The member in this process, or
   * the one that a client of `connect` uses, says so as soon as it knows; one of an older version is asked each second while the client is
   * used, else each minute. What listens does not keep the process alive.
   */
  members: Member[];
}
/**
 * Where backups lie, each under a name: a directory, or what an app makes of an object store. Nothing but these three calls is asked of it.
 */
export interface BackupStore {
  /** The names of all that was written, in any order. */
  list(): Promise<string[]>;
  /** The bytes of one; with `last` only so many at its end, or all if there are fewer. */
  read(name: string, last?: number): AsyncIterable<Uint8Array>;
  /** Stores the bytes under a new name, whole or not at all, so that they stay when it resolves. If `chunks` throws, nothing is there. */
  write(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}
/** A directory, which is made if it is not there; a store; or a function that takes the bytes of one backup, and resolves when it has them. */
export type BackupTarget = string | BackupStore | ((chunks: AsyncIterable<Uint8Array>) => Promise<void>);
/** One backup that was made. */
export interface Backup {
  /** Random: what the next one of the chain names. */
  id: string;
  /** `full`: the whole state at `revision`. `incremental`: the changes after `from` up to `revision`. */
  kind: "full" | "incremental";
  /** Its name in the store; null: it has none. */
  name: string | null;
  /** Identity of the cluster. */
  cluster: string;
  from: number;
  revision: number;
  /** Milliseconds since 1970 at which the store had come to `revision`. */
  at: number;
  pairs: number;
  changes: number;
  /** As it is stored. 0: nothing was written, since nothing had changed; all else is of the backup before. */
  bytes: number;
}
export interface BackupOptions {
  /** Make a full backup whatever there is. Default: continue the newest in the directory or store, if there is one. */
  full?: boolean | undefined;
  /** For a function: the backup that this one continues. Default: none, so a full one. COMPACTED if its changes are not kept any more. */
  since?: Backup | undefined;
  /** 32 random bytes, with which everything is encrypted (AES-256-GCM); a chain has one key. Default: not encrypted. */
  key?: Uint8Array | undefined;
  /** Level of zstd, 1 to 19. Default 3. */
  level?: number | undefined;
  /** Go on with one incremental backup after the other until `signal` aborts; then it resolves. Default false. */
  follow?: boolean | undefined;
  /** With `follow`: milliseconds until a backup with changes in it is ended, and so may be restored. Default 10,000. */
  interval?: number | undefined;
  /** Told now and then, and at the end of each backup, what there is of it. */
  onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** With `follow`: told of each backup that was made. */
  onBackup?: ((backup: Backup) => void) | undefined;
  /** Without `follow` the call then rejects with ABORTED, and leaves nothing. */
  signal?: AbortSignal | undefined;
}
/** What there is of a backup that is being made, read or restored. */
export interface BackupProgress {
  pairs: number;
  changes: number;
  bytes: number;
  /** How much of all that there will be this is, 0 to 1; undefined where nobody knows. */
  fraction: number | undefined;
}
/** A key-value database: a member of a cluster in this process, or a client of one. */
export interface Database extends AsyncDisposable {
  /** Resolves when a quorum has the write on disk. Errors: KEY_EMPTY, KEY_TOO_LARGE, VALUE_TOO_LARGE, BUSY, DISK_FULL, TIMEOUT, ABORTED, SESSION_EXPIRED, CLOSED. */
  put(key: Bytes, value: Bytes, options?: CallOptions): Promise<PutResult>;
  /** The value, or null if there is no such key. */
  get(key: Bytes, options?: ReadOptions): Promise<string | null>;
  get(key: Bytes, options: ReadOptions & {
    as: "bytes";
  }): Promise<Uint8Array | null>;
  /** The value with its revisions, or null. */
  getPair<A extends As = "string">(key: Bytes, options?: ReadOptions & {
    as?: A | undefined;
  }): Promise<Pair<A> | null>;
  /**
   * Reads without the event loop. Embedded only. NO_LEASE where a linearizable read would need the network. With `maxStaleness` any
   * member reads: where the leader's last word is older than that, the call waits for its next, a round trip; STALE after 100 ms without.
   */
  getSync(key: Bytes, options?: SyncReadOptions): string | null;
  getSync(key: Bytes, options: SyncReadOptions & {
    as: "bytes";
  }): Uint8Array | null;
  /**
   * Deletes one key, or a selection. TOO_MANY_OPERATIONS while the history keeps 4,096 deletes of hundreds of keys: compact it, or delete
   * fewer at a time.
   */
  delete(key: Bytes | Selection, options?: CallOptions): Promise<DeleteResult>;
  /** Pages through a selection at one revision; memory stays bounded whatever the size. */
  range<A extends As = "string">(options?: RangeOptions<A>): AsyncIterable<Pair<A>>;
  /** How many keys a selection has. */
  count(selection?: Selection, options?: ReadOptions): Promise<number>;
  /** Compares, then does one of two things, at one revision. TOO_MANY_OPERATIONS: more than one request may have; see `compare` and `del`. */
  txn(): Txn;
  /**
   * Begins at once, not with the first iteration. Errors: COMPACTED, WATCH_LOST, CLUSTER_MISMATCH
   * if the data under it is that of another cluster now, ABORTED. Ends when the database is closed.
   */
  watch<A extends As = "string">(options?: WatchOptions<A>): Watch<A>;
  /** Forgets versions that were replaced at or before `revision`. */
  compact(revision: number, options?: CallOptions): Promise<{
    revision: number;
  }>;
  /**
   * Makes the store's revision at least `revision`, for data restored into a new store: whatever is written from then on has a
   * higher one, so that what was made from revisions before (fencing tokens) stays below. Nothing happens at the revisions that are
   * left out: a read there sees what was before. No-op if the store is there already. Resolves to its revision. A whole number from 1
   * to 2^52, else INVALID_ARGUMENT; it cannot be undone.
   */
  raiseRevision(revision: number, options?: CallOptions): Promise<{
    revision: number;
  }>;
  /**
   * Copies all keys with their values and revisions, of the running cluster, whoever writes meanwhile. Into a directory or a store the first
   * backup is a full one, and each after it holds what has changed since; one whose history is gone by then is full again. `restoreBackup` has
   * a new cluster begin with them. Memory stays bounded. Errors: those of reads and watches; BACKUP_KEY_WRONG, BACKUP_DAMAGED,
   * BACKUP_TRUNCATED of what it continues, CLUSTER_MISMATCH if that is of another cluster; COMPACTED when history is kept for less time than
   * a full backup takes; IO, or what the store or function throws.
   */
  backup(to: BackupTarget, options?: BackupOptions): Promise<Backup>;
  /** Every member's state; an unreachable one is listed with that role. */
  status(options?: CallOptions): Promise<MemberStatus[]>;
  /** The members, and changes of them: `await db.members.list()`, `await db.members.remove('c')`. */
  readonly members: Members;
  /** Calls `listener` from now on whenever that happens. Returns what ends it. */
  on<E extends keyof DatabaseEvents>(event: E, listener: (value: DatabaseEvents[E]) => void): () => void;
  /**
   * Hands leadership to a member; tried again until its time is up. MEMBER_UNKNOWN, TIMEOUT, ABORTED (also when a transfer to another
   * member takes its place).
   */
  transferLeader(name: string, options?: CallOptions): Promise<void>;
  /**
   * What the member in this process has done since it was opened: `exchanges` of the Raft core with the data plane, `submissions`
   * and `drains` of this process's apps, `logWrites` and `logBytes`, `readSlices`, `longestApplyMicros` (the longest time that the
   * operations of one entry took), `longestApplyProcessorMicros` (the same of a processor, up to 200 too much: what is less was waiting,
   * or others had it), `poolHits` and `poolMisses` (buffers that its pool had, and had to make). Beside them all that is measured, by names as of Prometheus: of the log (`rafterdb_wal_fsync_duration_seconds_sum` and `_count`,
   * `rafterdb_wal_written_bytes_total`, …), of what entries waited for while they were applied
   * (`rafterdb_apply_longest_flush_wait_seconds{group="0"}`, also `history`, `tables`, `key_order`, `dead_stretches`), the network (`rafterdb_network_peer_up{peer="b"}`, …), the pool and the stores, and of
   * writes that waited as a store could not keep up (`rafterdb_writes_held_up_duration_seconds_sum` and `_count`). Empty for a remote
   * client.
   */
  counters(): Record<string, number>;
  /**
   * Keeps the process alive until the database is closed, as a member that others reach does by itself: one opened with `members` or
   * `listen`. Any other database keeps it alive only while a call, or an event of a watch, is waited for.
   */
  ref(): this;
  /** Lets the process end although the database is open, as soon as nothing is waited for. */
  unref(): this;
  /**
   * Answers what is under way, then stops and joins all threads. Calls that nobody can answer are waited for until their time is
   * up, at most `requestTimeout`; then they are CLOSED.
   */
  close(): Promise<void>;
}
/** How much a line of a member's log matters. */
export type LogLevel = "info" | "warn" | "error";
/** A time such as `'90s'`, `'1h'`, `'7d'`, or a number of revisions, from 1. */
export type HistoryBound = string | number;
/** What history the cluster keeps. The leader compacts by its own setting, so give all members the same. */
export interface HistoryOptions {
  /**
   * Changes within the bound are kept; of a list, within all of its bounds; `'all'` keeps everything until `compact` is called. What
   * is older goes, in steps: while there are writes up to a tenth more is there. The present state is never touched.
   *
   * Deletes of hundreds of keys are bounded too: once 2,048 of them are kept half go, whatever their age, since beyond 4,096 they are refused.
   *
   * An age alone bounds no disk: at 150,000 writes a second an hour is 160 GB. A number alone keeps years of a quiet store, which
   * costs little, but little of a busy one. The default, both, is an hour of up to 1,400 writes a second, half a minute of 150,000,
   * and some 2 GB for values of 256 bytes; with values of many KiB choose fewer. Whoever watches and was away for longer gets
   * WATCH_LOST. A member counts an age from when it saw a revision, so a restart makes history older than asked for, never younger.
   */
  keep?: HistoryBound | readonly HistoryBound[] | "all" | undefined;
}
/** Options of `open`. `open({ dataDir })` alone is a store of one member. */
export interface OpenOptions extends JoinOptions {
  /** Directory of this member's data, made if it is not there. A relative one counts from the working directory at the call. */
  dataDir: string;
  /** This member's name; kept in its data directory, like the names of all. Default: `solo` when there are no members. */
  name?: string | undefined;
  /**
   * All members of the cluster, this one too: name → endpoint (`host:port`), or `{ endpoint, witness, priority }`; 1, 3, 5 or 7 of them. The
   * names are those that the cluster was founded with. Endpoints may change: start every member again with all the new ones; after each start, two members
   * find each other if both have been started, or neither.
   */
  members?: Record<string, string | Founder> | undefined;
  /**
   * Addresses of any members of a cluster that runs, to become one of it: `open` has this member taken in as a learner, and resolves once
   * it has caught up and votes. A start with the same directory goes on where the last one ended; once it votes nobody is asked any more.
   * Needs `name`, which no voter has, and a TCP address in `listen`; excludes `members`. A directory that is a founder's stays that.
   */
  join?: readonly string[] | undefined;
  /**
   * Address to listen on, `host:port` or `unix:/path`, or several of them. A Unix socket is for clients on this machine: its file belongs to
   * the member's user and nobody else may connect (mode 0600; whoever wants more sets another mode), one that a dead process left is
   * replaced, and it goes with the member. The path is absolute and has 103 bytes at most. Members of a cluster reach each other over
   * TCP, so they listen on `host:port` besides. Default: this member's endpoint; a store of one member without `listen` opens nothing.
   */
  listen?: string | readonly string[] | undefined;
  /**
   * When a write is acknowledged, and so what may be lost. Raft's terms and votes are synced in every mode.
   * - `always`, the default: when a majority has it on disk. No crash of processes or machines loses it, all at once included.
   * - `interval`: when the operating systems of a majority have it; their disks, within `durabilityInterval` ms. `os`: likewise, their
   *   disks when the systems like (on Linux after about 30 s).
   *
   * With `interval` and `os` no crash of processes loses anything. A machine that goes down forgets the writes of that time, and its
   * member asks the others for them before it votes again: as long as less than a majority goes down nothing is lost. If a majority
   * goes down within that time, or the machine of a store of one member, the writes acknowledged in it may be lost; a majority that
   * did must be let go on by hand (ARCHITECTURE.md, known limits).
   */
  durability?: "always" | "interval" | "os" | undefined;
  /** Milliseconds between syncs with `durability: 'interval'`. Default 10. */
  durabilityInterval?: number | undefined;
  /** Milliseconds between heartbeats. Default 100. */
  heartbeatInterval?: number | undefined;
  /** Milliseconds without a leader before an election, randomised up to 1.75 times that. Default 500; at least 3 heartbeats. */
  electionTimeout?: number | undefined;
  /** Serve linearizable reads under the leader's lease, without a round of messages. Default true. */
  leaseReads?: boolean | undefined;
  /** Bytes of memory that the store may use: memtables, block and row cache. Default 256 MiB; at least 32 MiB. */
  memory?: number | undefined;
  /** Largest value in bytes. Default 1.5 MiB; at most 3.75 MiB. */
  valueBytesMax?: number | undefined;
  /** Bytes of log kept for followers that lag. Default 256 MiB. */
  logRetainBytes?: number | undefined;
  /**
   * Bytes of snapshots, compressed, that this member sends to others in a second, all of them together: a member that joins, or was
   * away for longer than the log is kept, copies so fast, and writes go on beside it. 0: as fast as can be. The log is kept for it
   * meanwhile, up to eight times `logRetainBytes`: if more is written until the snapshot is installed, another one follows, so a large
   * store that is much written to needs a higher rate, or more log. Default 64 MiB, half of what a gigabit link carries.
   */
  snapshotBytesPerSecond?: number | undefined;
  /**
   * Bytes that all clients of other processes may hold at this member together: requests that have arrived in part, reads that wait
   * and what there is of their answers, answers and events that they have not read, and watches (twice their keys, and 512 bytes
   * each). While there is room nobody is cut off, however slowly it reads; once it is used up, who holds most is disconnected with
   * BUSY. Events of watches that are not read wait in history, not here. Not counted: what other members send, writes that wait
   * (64 MiB a group), answers in the making. Default 256 MiB; at least 16 MiB.
   */
  connectionMemory?: number | undefined;
  /** Raft groups hosted by this member. Default 1. Does nothing for data yet: all keys are in the first group, and others stay empty. */
  groups?: number | undefined;
  /** How much history is kept for reads at old revisions and for watches that come back. Default `{ keep: ['1h', 5_000_000] }`. */
  history?: HistoryOptions | undefined;
  /**
   * CPUs, by number, that all threads of the member run on: those of the native side and the Raft worker, not the app's own.
   * `'numa'`: the CPUs of the NUMA node with the most free memory; where there is one node this changes nothing. Linux only;
   * elsewhere it changes nothing. `onLog` is told what was done. Default: any CPU. A CPU that does not exist, or that this process
   * may not use, is INVALID_ARGUMENT.
   */
  cpuAffinity?: readonly number[] | "numa" | undefined;
  /**
   * A secret that all members share, at least 16 bytes, best random ones; a string is its UTF-8 bytes. Members prove to each other
   * that they know it and never send it; whoever does not is refused with TOKEN_MISMATCH. Clients need none. Without it whoever
   * reaches this member and claims to be another is believed: a member that listens beyond this machine says so to `onLog` at each
   * start. What members then send to each other is not encrypted. Change it by stopping all members. Default: none.
   */
  clusterToken?: string | Uint8Array | undefined;
  /** Milliseconds until a call without `timeout` rejects. Default 5,000. */
  requestTimeout?: number | undefined;
  /** Wait while a queue is full instead of failing with BUSY. Default true; the wait counts towards the timeout. */
  waitWhenBusy?: boolean | undefined;
  /**
   * Called when the member stops because it must: a failed fsync, a damaged file, a bug, or as it was removed from its cluster. Every later
   * call fails with POISONED, in the last case with MEMBER_REMOVED, and the member does not keep the process alive any longer.
   */
  onFatal?: ((error: RafterError) => void) | undefined;
  /**
   * Called with a line for people now and then: `info` for normal life (peers that come, who leads), `warn` for what to look at if it
   * lasts, `error` for what keeps the member from taking part. What goes on is told less and less often. What came from outside is
   * escaped in it: it is one line.
   */
  onLog?: ((line: string, level: LogLevel) => void) | undefined;
  /** From which level on lines go to stderr; `off`: none. Default: `warn`, and `off` if there is an `onLog`. */
  log?: "off" | LogLevel | undefined;
}
export interface ConnectOptions {
  /** `host:port` or `unix:/path` of any members; the others are found from them. */
  endpoints: string[];
  requestTimeout?: number | undefined;
  waitWhenBusy?: boolean | undefined;
}
/**
 * What says where backups are: a directory or a file, several files, a store; or the bytes of one backup as they come, such as
 * `process.stdin`, which are read once and never kept.
 */
export type BackupOrigin = string | readonly string[] | BackupStore | AsyncIterable<Uint8Array>;
export interface RestoreOptions {
  /** The new member's directory: empty, or not there. */
  dataDir: string;
  /** As for `open`: the member's name, and all members of the new cluster. Each member's directory is restored from the same backups. */
  name?: OpenOptions["name"];
  members?: OpenOptions["members"];
  /** As for `open`: its Raft groups. All keys are in the first one, so the others are empty. Default 1. */
  groups?: OpenOptions["groups"];
  /** The key that the backups were made with. */
  key?: Uint8Array | undefined;
  /** The state after this revision. Default: the newest that there is. */
  revision?: number | undefined;
  /** Instead: the newest state that a backup noted no later than this, in ms since 1970; in a `follow`, to about a second. */
  time?: number | undefined;
  /**
   * The new store's revision is at least this one, so that whatever is made from its revisions is above what was made from the old one's.
   * Default: 1,000,000,000 above the newest revision of the backups.
   */
  raiseTo?: number | undefined;
  onProgress?: ((progress: BackupProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}
export interface Restored {
  /** The revision whose state it is. */
  restoredRevision: number;
  /** The store's revision: the next write gets a higher one. */
  revision: number;
  pairs: number;
  /** Changes after the full backup, made again. */
  changes: number;
}
export interface VerifyOptions {
  /** The key that they were made with. */
  key?: Uint8Array | undefined;
  onProgress?: ((progress: BackupProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}
/**
 * Reads every byte of every backup, and checks that those that continue others find them. Needs no cluster. Resolves to them, the newest
 * last. Rejects with the first fault, which names the file: BACKUP_TRUNCATED, BACKUP_DAMAGED, BACKUP_KEY_WRONG, BACKUP_CHAIN_BROKEN
 * (also: there is none), FORMAT_NEWER, IO, ABORTED. A single file may continue another that is not given.
 */
export declare function verifyBackup(from: BackupOrigin, options?: VerifyOptions): Promise<Backup[]>;
/**
 * Makes a data directory that `open`, or `rafterdb serve`, begins a new cluster with: a store of one member, or one of several, each of
 * which is given a directory that was restored from the same backups. Keys, values, create and mod revisions and versions are as they
 * were, and so is the history from the full backup on; sessions and watches of the old cluster mean nothing to the new one. If it fails
 * or is aborted nothing is left; what a killed process leaves, no member opens, and the next restore into it begins anew.
 * Errors: those of `verifyBackup`, of all that is read; FUTURE_REVISION and COMPACTED for a revision or time that the backups have not;
 * CLUSTER_MISMATCH if they are of two clusters; DATA_DIR_MISMATCH if there is something in the directory; DATA_DIR_LOCKED, INVALID_ARGUMENT, MEMBER_UNKNOWN, DISK_FULL, IO, ABORTED.
 */
export declare function restoreBackup(from: BackupOrigin, options: RestoreOptions): Promise<Restored>;
/** The store that `path` is: a directory, made if it is not there. */
export declare function directoryStore(path: string): BackupStore;
/** Whose request it is. */
export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  /** Of temporary credentials. */
  sessionToken?: string | undefined;
}
export interface S3StoreOptions {
  bucket: string;
  /** What the names of the objects begin with, with a slash after it. Default: nothing. The backups of one cluster need one of their own. */
  prefix?: string | undefined;
  /** Such as `http://127.0.0.1:9000`. Default: `https://s3.REGION.amazonaws.com`. */
  endpoint?: string | undefined;
  /** Default `us-east-1`. */
  region?: string | undefined;
  /** Keys, or what is asked for them before each request. */
  credentials: S3Credentials | (() => Promise<S3Credentials>);
  /** The bucket's name is in the path, not in the host's name. Default: if an endpoint is given. */
  pathStyle?: boolean | undefined;
  /** Bytes of the parts in which a large backup is sent; three are in memory. They grow after a thousand. Default 16 MiB, at least 5 MiB. */
  partBytes?: number | undefined;
  /** Milliseconds for which a connection may be still before the request is made again. Default 30,000. */
  timeout?: number | undefined;
}
/**
 * A bucket, for `db.backup`, `verifyBackup` and `restoreBackup`. A backup is there when all of it is. What fails on the way, or is told to come
 * back later, is tried five times. INVALID_ARGUMENT; its calls: ACCESS_DENIED, INVALID_ARGUMENT (no such bucket, another region), IO.
 */
export declare function s3Store(options: S3StoreOptions): BackupStore;
/**
 * Opens a member of a cluster in this process; `open({ dataDir })` alone is a store of one member.
 * Errors: INVALID_ARGUMENT, MEMBER_UNKNOWN, ADDRESS_INVALID, PORT_IN_USE, DATA_DIR_LOCKED, DATA_DIR_MISMATCH, FORMAT_NEWER,
 * MEMBER_REMOVED, CLUSTER_MISMATCH (with `join`: the directory is of another cluster), DATA_DIR_INCOMPLETE, LOG_CORRUPT, LOG_SEGMENT_MISSING, STORE_CORRUPT, DISK_FULL, OUT_OF_FILES, IO (also when a thread cannot be
 * started), BINARY_MISSING, WORKER_FAILED. Opened in a worker thread, it is closed when the worker ends.
 */
export declare function open(options: OpenOptions): Promise<Database>;
/**
 * Connects to a cluster without being a member of it. Finds the leader and follows it.
 * Errors: INVALID_ARGUMENT, ADDRESS_INVALID, UNREACHABLE after `requestTimeout`, BINARY_MISSING.
 */
export declare function connect(options: ConnectOptions): Promise<Database>;
/**
 * A condition on one key, or on every key of a selection. A key that does not exist has version and revisions 0. The selections that a
 * transaction compares may have 4,000 keys together, fewer if values are long (each 4 KiB count as a key) or if it has very many
 * operations (each on a selection counts as nine): above it TOO_MANY_OPERATIONS.
 */
export declare function compare(of: Bytes | Selection, target: "value", operator: CompareOperator, operand: Bytes): Compare;
export declare function compare(of: Bytes | Selection, target: Exclude<CompareTarget, "value">, operator: CompareOperator, operand: number): Compare;
/** Writes a key. With `previous` the result has the pair that was replaced. */
export declare function put(key: Bytes, value: Bytes, options?: {
  previous?: boolean | undefined;
}): TxnOperation;
/**
 * Deletes a key, or a selection. With `previous` the result has the pairs, as far as there is room: about 5,000 in a transaction, and
 * 1.75 MiB; `deleted` counts all. TOO_MANY_OPERATIONS as for `delete` of a database: then nothing of the transaction is done.
 */
export declare function del(of: Bytes | Selection, options?: {
  previous?: boolean | undefined;
}): TxnOperation;
/** Reads a key. */
export declare function get(key: Bytes): TxnOperation;
/** Reads a selection; at most `limit` pairs, and about 5,000 in a transaction: `more` says that there are more, `count` how many. */
export declare function range(options?: Selection & {
  limit?: number | undefined;
  reverse?: boolean | undefined;
  keysOnly?: boolean | undefined;
}): TxnOperation;
export interface ForceOptions {
  /** The data directory of the member that is left. */
  dataDir: string;
  /** Only look what the directory holds, and whether it could be done. Default false. */
  dryRun?: boolean | undefined;
  /**
   * The store's revision is at least this one, so that no revision is given out twice that those who are lost may have given out.
   * Default: 1,000,000,000 above the newest that the member knows.
   */
  raiseTo?: number | undefined;
  /** Bytes of memory, as for `open`. Default 256 MiB. */
  memory?: number | undefined;
}
/** What the directory holds, and what has become of it. */
export interface ForcedCluster {
  /** The member's name: it is the only voter from now on. */
  name: string;
  /** Identity of the cluster from now on, hex digits; empty after a `dryRun`. */
  cluster: string;
  /** The identity that it had; empty if the member did not know it. */
  formerCluster: string;
  /** Names of the other members, which are none any more. */
  others: string[];
  /** Index of the last entry that the member had, of the first group. */
  lastIndex: number;
  /** Term of that entry. */
  lastTerm: number;
  /** How many of its entries the member did not know to be committed: they are, from now on. Some may never have been acknowledged. */
  uncommitted: number;
  /** The member may lack what it had acknowledged itself: its directory was new, or its machine went down with a weak `durability`. */
  mayLack: boolean;
  /** The store's revision, from which it goes on. */
  revision: number;
}
/**
 * The last resort when a majority of the voters is gone for good: has the cluster begin anew with one member that is left, as its only
 * voter. Works on that member's data directory, which must not be open anywhere. All that the member has is committed from then on, also
 * what it did not know to be; what only others had is lost, though it may have been acknowledged. It is a cluster of another identity:
 * members and clients of the one that was are refused with CLUSTER_MISMATCH, and can be members again with an empty data directory
 * and `join`. Of several that are left, take the one with the highest `lastTerm`, and of those the one with the highest `lastIndex`; a
 * `dryRun` tells them. Once it is begun there is no way back: after a crash, call it again.
 * Errors: DATA_DIR_MISMATCH (no member's directory, or one that holds nothing), MEMBER_REMOVED, INVALID_ARGUMENT (also: the member votes
 * alone already, so it needs nothing of this), DATA_DIR_LOCKED, DATA_DIR_INCOMPLETE, STORE_CORRUPT, LOG_CORRUPT, LOG_SEGMENT_MISSING,
 * FORMAT_NEWER, DISK_FULL, IO, BINARY_MISSING.
 */
export declare function forceNewCluster(options: ForceOptions): Promise<ForcedCluster>;

export {};
