// The public interface, the same for an embedded member (`open`) and a remote client (`connect`). Types only.
import type { PeerStatus, RafterError } from '../errors.js'
import type { CallOptions } from './call-options.js'
import type { Founder, JoinOptions, Member, Members } from './members-api.js'

export type { CallOptions } from './call-options.js'
export type * from './members-api.js'

/**
 * A key or value: a string is its UTF-8 bytes. A lone surrogate is stored as U+FFFD, and bytes that are not valid UTF-8
 * read as U+FFFD too unless the call says `as: 'bytes'`.
 */
export type Bytes = string | Uint8Array

/** How fresh a read must be. Default: linearizable. */
export interface ReadOptions extends CallOptions {
  /** `linearizable`: sees every write acknowledged before the call. `serializable`: what this member has now. */
  consistency?: 'linearizable' | 'serializable' | undefined
  /** Milliseconds a member's state may be behind; the read is then served locally. STALE if it is further behind. Excludes `consistency`. */
  maxStaleness?: number | undefined
  /** Read the state at this revision. COMPACTED or FUTURE_REVISION if it cannot be. */
  revision?: number | undefined
}

/** How fresh a synchronous read must be: as in `ReadOptions`. */
export type SyncReadOptions = Pick<ReadOptions, 'consistency' | 'maxStaleness'>

/** One version of a key. Revisions are numbers below 2^53. */
export interface KeyValue<V = string> {
  key: string
  value: V
  createRevision: number
  modRevision: number
  /** 1 for a new key, one more with every put. */
  version: number
  /** Id of the lease that the key is attached to; 0: none. There are no leases yet: always 0. */
  lease: number
}

/** `as: 'bytes'` gives keys and values as Uint8Array; the default is strings. */
export type As = 'string' | 'bytes'
export type Pair<A extends As> = A extends 'bytes' ? Omit<KeyValue<Uint8Array>, 'key'> & { key: Uint8Array } : KeyValue

export interface PutResult {
  /** The store's revision at which the write took effect. */
  revision: number
}
export interface DeleteResult {
  revision: number
  /** How many keys were deleted. */
  deleted: number
}

/** Which keys: a prefix, or from (inclusive) to (exclusive), or everything. */
export interface Selection {
  prefix?: Bytes | undefined
  from?: Bytes | undefined
  to?: Bytes | undefined
}

export interface RangeOptions<A extends As = 'string'> extends ReadOptions, Selection {
  limit?: number | undefined
  /** Descending keys. */
  reverse?: boolean | undefined
  /** Values are empty. */
  keysOnly?: boolean | undefined
  as?: A | undefined
  /** Called before the first pair with the revision that all pages are read at. */
  onRevision?: ((revision: number) => void) | undefined
}

export interface WatchOptions<A extends As = 'string'> extends Selection {
  /** One key instead of a selection. */
  key?: Bytes | undefined
  /**
   * First revision to report; the compacted one is the first that can be, and reported whole. Default: what happens from now on,
   * which is after the newest revision that a linearizable read made at the call would see; like such a read it waits while there
   * is no leader.
   */
  fromRevision?: number | undefined
  /** Each event carries the pair as it was before. */
  previous?: boolean | undefined
  as?: A | undefined
  signal?: AbortSignal | undefined
}

/** One change, as `watch` reports it: `type` tells which. */
export type WatchEvent<A extends As = 'string'> = PutEvent<A> | DeleteEvent<A>

interface Event<A extends As> {
  /** Revision of the change. Events come in order, none missing, none twice, also across a change of leader or connection. */
  revision: number
  key: A extends 'bytes' ? Uint8Array : string
  /** 0 for a delete, as is `createRevision`. */
  version: number
  createRevision: number
  /** The pair as it was before, if that was asked for and there was one. */
  previous?: Pair<A> | undefined
}

export interface PutEvent<A extends As = 'string'> extends Event<A> {
  type: 'put'
  value: A extends 'bytes' ? Uint8Array : string
}

export interface DeleteEvent<A extends As = 'string'> extends Event<A> {
  type: 'delete'
  value?: undefined
}

/** What is compared. `lease`: there are none yet, so it is 0 of every key. */
export type CompareTarget = 'version' | 'createRevision' | 'modRevision' | 'value' | 'lease'
export type CompareOperator = '=' | '!=' | '<' | '>'

/** `compare('key', 'version', '=', 0)`; with `selection` it must hold for every key in it. */
export interface Compare {
  key?: Bytes | undefined
  selection?: Selection | undefined
  target: CompareTarget
  operator: CompareOperator
  operand: number | Bytes
}

export type TxnOperation =
  | { type: 'put'; key: Bytes; value: Bytes; previous?: boolean | undefined }
  | ({ type: 'delete'; key?: Bytes | undefined; previous?: boolean | undefined } & Selection)
  | (
      | { type: 'get'; key: Bytes }
      | ({ type: 'range'; limit?: number | undefined; reverse?: boolean | undefined; keysOnly?: boolean | undefined } & Selection)
    )
  | { type: 'txn'; if: Compare[]; then: TxnOperation[]; else: TxnOperation[] }

export type TxnOperationResult<A extends As = 'string'> =
  | { type: 'put'; previous?: Pair<A> | undefined }
  | { type: 'delete'; deleted: number; previous: Pair<A>[] }
  | { type: 'get'; pair: Pair<A> | null }
  | { type: 'range'; pairs: Pair<A>[]; count: number; more: boolean }
  | { type: 'txn'; succeeded: boolean; results: TxnOperationResult<A>[] }

export interface TxnResult<A extends As = 'string'> {
  succeeded: boolean
  revision: number
  /** One for each operation of the branch that ran. */
  results: TxnOperationResult<A>[]
}

/** `await db.txn().if(compare(…)).then(put(…)).else(get(…)).commit()`. */
export interface Txn {
  if(...compares: Compare[]): Txn
  then(...operations: TxnOperation[]): Txn
  else(...operations: TxnOperation[]): Txn
  commit<A extends As = 'string'>(options?: CallOptions & { as?: A | undefined }): Promise<TxnResult<A>>
}

/** The changes of some keys, in order. One consumer; leaving its loop ends the watch, as does `await using`. */
export interface Watch<A extends As = 'string'> extends AsyncIterable<WatchEvent<A>>, AsyncDisposable {
  /**
   * Resolves, once a member watches, to the first revision that is reported. What this database does after `watch` is sent
   * after that, so the watch reports it; to rely on what others do, wait for this. A connection lost before may move it on.
   */
  started(): Promise<number>
}

/** One member as `status` reports it. */
export interface MemberStatus {
  name: string
  id: number
  endpoint: string
  /** The addresses on which it listens, Unix sockets too, with the ports that it really has. Empty: none, or it did not answer. */
  listen: string[]
  /** `witness`: it has no data; `revision`, `stateHash` and the like say nothing of a witness. */
  role: 'leader' | 'follower' | 'candidate' | 'learner' | 'witness' | 'unreachable'
  /** Name of the leader this member knows; null: none. */
  leader: string | null
  term: number
  lastIndex: number
  committed: number
  applied: number
  revision: number
  compactedRevision: number
  /**
   * While the history keeps half as many deletes of hundreds of keys as it may (2,048 of 4,096): the revision to which it is compacted, by
   * itself unless `history.keep` is `'all'`, so that half of them go. 0: it does not.
   */
  crowdedRevision: number
  /** Hex digest over every live pair at `applied`: equal on members with equal `applied`. */
  stateHash: string
  /** Clients' sessions that are remembered, by which a write that is sent again is told from a new one; 4,096 at most. */
  sessions: number
  /** Bytes on disk: log, tables, history. */
  diskBytes: number
  /** How the log writes: O_DIRECT or fdatasync, as probed. */
  logMode: string
  version: string
  /**
   * Identity of the cluster whose data the member has, as hex digits: random, made once when the cluster was founded. Members
   * with different ones do not speak to each other. Empty: it has not learnt it yet.
   */
  cluster: string
  /**
   * Identities that the cluster had before: each time that it began anew with one member (`forceNewCluster`), oldest first, with the
   * index of the entry at which it did.
   */
  formerClusters: { cluster: string; index: number }[]
  /** The other members as this one sees them: whom it reaches, and why not. Empty for an unreachable one. */
  peers: PeerStatus[]
}

/** What can be listened for, with what a listener is called with. */
export interface DatabaseEvents {
  /**
   * `members.list()` gives something else than before, also who leads. The member in this process, or
   * the one that a client of `connect` uses, says so as soon as it knows; one of an older version is asked each second while the client is
   * used, else each minute. What listens does not keep the process alive.
   */
  members: Member[]
}

/**
 * Where backups lie, each under a name: a directory, or what an app makes of an object store. Nothing but these three calls is asked of it.
 */
export interface BackupStore {
  /** The names of all that was written, in any order. */
  list(): Promise<string[]>
  /** The bytes of one; with `last` only so many at its end, or all if there are fewer. */
  read(name: string, last?: number): AsyncIterable<Uint8Array>
  /** Stores the bytes under a new name, whole or not at all, so that they stay when it resolves. If `chunks` throws, nothing is there. */
  write(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void>
}

/** A directory, which is made if it is not there; a store; or a function that takes the bytes of one backup, and resolves when it has them. */
export type BackupTarget = string | BackupStore | ((chunks: AsyncIterable<Uint8Array>) => Promise<void>)

/** One backup that was made. */
export interface Backup {
  /** Random: what the next one of the chain names. */
  id: string
  /** `full`: the whole state at `revision`. `incremental`: the changes after `from` up to `revision`. */
  kind: 'full' | 'incremental'
  /** Its name in the store; null: it has none. */
  name: string | null
  /** Identity of the cluster. */
  cluster: string
  from: number
  revision: number
  /** Milliseconds since 1970 at which the store had come to `revision`. */
  at: number
  pairs: number
  changes: number
  /** As it is stored. 0: nothing was written, since nothing had changed; all else is of the backup before. */
  bytes: number
}

export interface BackupOptions {
  /** Make a full backup whatever there is. Default: continue the newest in the directory or store, if there is one. */
  full?: boolean | undefined
  /** For a function: the backup that this one continues. Default: none, so a full one. COMPACTED if its changes are not kept any more. */
  since?: Backup | undefined
  /** 32 random bytes, with which everything is encrypted (AES-256-GCM); a chain has one key. Default: not encrypted. */
  key?: Uint8Array | undefined
  /** Level of zstd, 1 to 19. Default 3. */
  level?: number | undefined
  /** Go on with one incremental backup after the other until `signal` aborts; then it resolves. Default false. */
  follow?: boolean | undefined
  /** With `follow`: milliseconds until a backup with changes in it is ended, and so may be restored. Default 10,000. */
  interval?: number | undefined
  /** Told now and then, and at the end of each backup, what there is of it. */
  onProgress?: ((progress: BackupProgress) => void) | undefined
  /** With `follow`: told of each backup that was made. */
  onBackup?: ((backup: Backup) => void) | undefined
  /** Without `follow` the call then rejects with ABORTED, and leaves nothing. */
  signal?: AbortSignal | undefined
}

/** What there is of a backup that is being made, read or restored. */
export interface BackupProgress {
  pairs: number
  changes: number
  bytes: number
  /** How much of all that there will be this is, 0 to 1; undefined where nobody knows. */
  fraction: number | undefined
}

/** A key-value database: a member of a cluster in this process, or a client of one. */
export interface Database extends AsyncDisposable {
  /** Resolves when a quorum has the write on disk. Errors: KEY_EMPTY, KEY_TOO_LARGE, VALUE_TOO_LARGE, BUSY, DISK_FULL, TIMEOUT, ABORTED, SESSION_EXPIRED, CLOSED. */
  put(key: Bytes, value: Bytes, options?: CallOptions): Promise<PutResult>
  /** The value, or null if there is no such key. */
  get(key: Bytes, options?: ReadOptions): Promise<string | null>
  get(key: Bytes, options: ReadOptions & { as: 'bytes' }): Promise<Uint8Array | null>
  /** The value with its revisions, or null. */
  getPair<A extends As = 'string'>(key: Bytes, options?: ReadOptions & { as?: A | undefined }): Promise<Pair<A> | null>
  /**
   * Reads without the event loop. Embedded only. NO_LEASE where a linearizable read would need the network. With `maxStaleness` any
   * member reads: where the leader's last word is older than that, the call waits for its next, a round trip; STALE after 100 ms without.
   */
  getSync(key: Bytes, options?: SyncReadOptions): string | null
  getSync(key: Bytes, options: SyncReadOptions & { as: 'bytes' }): Uint8Array | null
  /**
   * Deletes one key, or a selection. TOO_MANY_OPERATIONS while the history keeps 4,096 deletes of hundreds of keys: compact it, or delete
   * fewer at a time.
   */
  delete(key: Bytes | Selection, options?: CallOptions): Promise<DeleteResult>
  /** Pages through a selection at one revision; memory stays bounded whatever the size. */
  range<A extends As = 'string'>(options?: RangeOptions<A>): AsyncIterable<Pair<A>>
  /** How many keys a selection has. */
  count(selection?: Selection, options?: ReadOptions): Promise<number>
  /** Compares, then does one of two things, at one revision. TOO_MANY_OPERATIONS: more than one request may have; see `compare` and `del`. */
  txn(): Txn
  /**
   * Begins at once, not with the first iteration. Errors: COMPACTED, WATCH_LOST, CLUSTER_MISMATCH
   * if the data under it is that of another cluster now, ABORTED. Ends when the database is closed.
   */
  watch<A extends As = 'string'>(options?: WatchOptions<A>): Watch<A>
  /** Forgets versions that were replaced at or before `revision`. */
  compact(revision: number, options?: CallOptions): Promise<{ revision: number }>
  /**
   * Makes the store's revision at least `revision`, for data restored into a new store: whatever is written from then on has a
   * higher one, so that what was made from revisions before (fencing tokens) stays below. Nothing happens at the revisions that are
   * left out: a read there sees what was before. No-op if the store is there already. Resolves to its revision. A whole number from 1
   * to 2^52, else INVALID_ARGUMENT; it cannot be undone.
   */
  raiseRevision(revision: number, options?: CallOptions): Promise<{ revision: number }>
  /**
   * Copies all keys with their values and revisions, of the running cluster, whoever writes meanwhile. Into a directory or a store the first
   * backup is a full one, and each after it holds what has changed since; one whose history is gone by then is full again. `restoreBackup` has
   * a new cluster begin with them. Memory stays bounded. Errors: those of reads and watches; BACKUP_KEY_WRONG, BACKUP_DAMAGED,
   * BACKUP_TRUNCATED of what it continues, CLUSTER_MISMATCH if that is of another cluster; COMPACTED when history is kept for less time than
   * a full backup takes; IO, or what the store or function throws.
   */
  backup(to: BackupTarget, options?: BackupOptions): Promise<Backup>
  /** Every member's state; an unreachable one is listed with that role. */
  status(options?: CallOptions): Promise<MemberStatus[]>
  /** The members, and changes of them: `await db.members.list()`, `await db.members.remove('c')`. */
  readonly members: Members
  /** Calls `listener` from now on whenever that happens. Returns what ends it. */
  on<E extends keyof DatabaseEvents>(event: E, listener: (value: DatabaseEvents[E]) => void): () => void
  /**
   * Hands leadership to a member; tried again until its time is up. MEMBER_UNKNOWN, TIMEOUT, ABORTED (also when a transfer to another
   * member takes its place).
   */
  transferLeader(name: string, options?: CallOptions): Promise<void>
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
  counters(): Record<string, number>
  /**
   * Keeps the process alive until the database is closed, as a member that others reach does by itself: one opened with `members` or
   * `listen`. Any other database keeps it alive only while a call, or an event of a watch, is waited for.
   */
  ref(): this
  /** Lets the process end although the database is open, as soon as nothing is waited for. */
  unref(): this
  /**
   * Answers what is under way, then stops and joins all threads. Calls that nobody can answer are waited for until their time is
   * up, at most `requestTimeout`; then they are CLOSED.
   */
  close(): Promise<void>
}

/** How much a line of a member's log matters. */
export type LogLevel = 'info' | 'warn' | 'error'

/** A time such as `'90s'`, `'1h'`, `'7d'`, or a number of revisions, from 1. */
export type HistoryBound = string | number

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
  keep?: HistoryBound | readonly HistoryBound[] | 'all' | undefined
}

/** Options of `open`. `open({ dataDir })` alone is a store of one member. */
export interface OpenOptions extends JoinOptions {
  /** Directory of this member's data, made if it is not there. A relative one counts from the working directory at the call. */
  dataDir: string
  /** This member's name; kept in its data directory, like the names of all. Default: `solo` when there are no members. */
  name?: string | undefined
  /**
   * All members of the cluster, this one too: name → endpoint (`host:port`), or `{ endpoint, witness, priority }`; 1, 3, 5 or 7 of them. The
   * names are those that the cluster was founded with. Endpoints may change: start every member again with all the new ones; after each start, two members
   * find each other if both have been started, or neither.
   */
  members?: Record<string, string | Founder> | undefined
  /**
   * Addresses of any members of a cluster that runs, to become one of it: `open` has this member taken in as a learner, and resolves once
   * it has caught up and votes. A start with the same directory goes on where the last one ended; once it votes nobody is asked any more.
   * Needs `name`, which no voter has, and a TCP address in `listen`; excludes `members`. A directory that is a founder's stays that.
   */
  join?: readonly string[] | undefined
  /**
   * Address to listen on, `host:port` or `unix:/path`, or several of them. A Unix socket is for clients on this machine: its file belongs to
   * the member's user and nobody else may connect (mode 0600; whoever wants more sets another mode), one that a dead process left is
   * replaced, and it goes with the member. The path is absolute and has 103 bytes at most. Members of a cluster reach each other over
   * TCP, so they listen on `host:port` besides. Default: this member's endpoint; a store of one member without `listen` opens nothing.
   */
  listen?: string | readonly string[] | undefined
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
  durability?: 'always' | 'interval' | 'os' | undefined
  /** Milliseconds between syncs with `durability: 'interval'`. Default 10. */
  durabilityInterval?: number | undefined
  /** Milliseconds between heartbeats. Default 100. */
  heartbeatInterval?: number | undefined
  /** Milliseconds without a leader before an election, randomised up to 1.75 times that. Default 500; at least 3 heartbeats. */
  electionTimeout?: number | undefined
  /** Serve linearizable reads under the leader's lease, without a round of messages. Default true. */
  leaseReads?: boolean | undefined
  /** Bytes of memory that the store may use: memtables, block and row cache. Default 256 MiB; at least 32 MiB. */
  memory?: number | undefined
  /** Largest value in bytes. Default 1.5 MiB; at most 3.75 MiB. */
  valueBytesMax?: number | undefined
  /** Bytes of log kept for followers that lag. Default 256 MiB. */
  logRetainBytes?: number | undefined
  /**
   * Bytes of snapshots, compressed, that this member sends to others in a second, all of them together: a member that joins, or was
   * away for longer than the log is kept, copies so fast, and writes go on beside it. 0: as fast as can be. The log is kept for it
   * meanwhile, up to eight times `logRetainBytes`: if more is written until the snapshot is installed, another one follows, so a large
   * store that is much written to needs a higher rate, or more log. Default 64 MiB, half of what a gigabit link carries.
   */
  snapshotBytesPerSecond?: number | undefined
  /**
   * Bytes that all clients of other processes may hold at this member together: requests that have arrived in part, reads that wait
   * and what there is of their answers, answers and events that they have not read, and watches (twice their keys, and 512 bytes
   * each). While there is room nobody is cut off, however slowly it reads; once it is used up, who holds most is disconnected with
   * BUSY. Events of watches that are not read wait in history, not here. Not counted: what other members send, writes that wait
   * (64 MiB a group), answers in the making. Default 256 MiB; at least 16 MiB.
   */
  connectionMemory?: number | undefined
  /** Raft groups hosted by this member. Default 1. Does nothing for data yet: all keys are in the first group, and others stay empty. */
  groups?: number | undefined
  /** How much history is kept for reads at old revisions and for watches that come back. Default `{ keep: ['1h', 5_000_000] }`. */
  history?: HistoryOptions | undefined
  /**
   * CPUs, by number, that all threads of the member run on: those of the native side and the Raft worker, not the app's own.
   * `'numa'`: the CPUs of the NUMA node with the most free memory; where there is one node this changes nothing. Linux only;
   * elsewhere it changes nothing. `onLog` is told what was done. Default: any CPU. A CPU that does not exist, or that this process
   * may not use, is INVALID_ARGUMENT.
   */
  cpuAffinity?: readonly number[] | 'numa' | undefined
  /**
   * A secret that all members share, at least 16 bytes, best random ones; a string is its UTF-8 bytes. Members prove to each other
   * that they know it and never send it; whoever does not is refused with TOKEN_MISMATCH. Clients need none. Without it whoever
   * reaches this member and claims to be another is believed: a member that listens beyond this machine says so to `onLog` at each
   * start. What members then send to each other is not encrypted. Change it by stopping all members. Default: none.
   */
  clusterToken?: string | Uint8Array | undefined
  /** Milliseconds until a call without `timeout` rejects. Default 5,000. */
  requestTimeout?: number | undefined
  /** Wait while a queue is full instead of failing with BUSY. Default true; the wait counts towards the timeout. */
  waitWhenBusy?: boolean | undefined
  /**
   * Called when the member stops because it must: a failed fsync, a damaged file, a bug, or as it was removed from its cluster. Every later
   * call fails with POISONED, in the last case with MEMBER_REMOVED, and the member does not keep the process alive any longer.
   */
  onFatal?: ((error: RafterError) => void) | undefined
  /**
   * Called with a line for people now and then: `info` for normal life (peers that come, who leads), `warn` for what to look at if it
   * lasts, `error` for what keeps the member from taking part. What goes on is told less and less often. What came from outside is
   * escaped in it: it is one line.
   */
  onLog?: ((line: string, level: LogLevel) => void) | undefined
  /** From which level on lines go to stderr; `off`: none. Default: `warn`, and `off` if there is an `onLog`. */
  log?: 'off' | LogLevel | undefined
}

export interface ConnectOptions {
  /** `host:port` or `unix:/path` of any members; the others are found from them. */
  endpoints: string[]
  requestTimeout?: number | undefined
  waitWhenBusy?: boolean | undefined
}
