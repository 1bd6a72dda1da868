// The public API: a table of contents.

export {
  type BackupOrigin,
  type Restored,
  type RestoreOptions,
  restoreBackup,
  type VerifyOptions,
  verifyBackup,
} from './backup/api.js'
export { directoryStore } from './backup/directory.js'
export { type S3Credentials, type S3StoreOptions, s3Store } from './backup/s3/store.js'
export type {
  As,
  Backup,
  BackupOptions,
  BackupProgress,
  BackupStore,
  BackupTarget,
  Bytes,
  CallOptions,
  Compare,
  CompareOperator,
  CompareTarget,
  ConnectOptions,
  Database,
  DatabaseEvents,
  DeleteResult,
  Founder,
  HistoryBound,
  HistoryOptions,
  JoinOptions,
  KeyValue,
  LogLevel,
  Member,
  MemberRef,
  MemberStatus,
  Members,
  MembersChange,
  MemberUpdate,
  NewMember,
  OpenOptions,
  Pair,
  PutResult,
  RangeOptions,
  ReadOptions,
  RemoveOptions,
  Selection,
  SyncReadOptions,
  Txn,
  TxnOperation,
  TxnOperationResult,
  TxnResult,
  Watch,
  WatchEvent,
  WatchOptions,
} from './client/api.js'
export { connect, open } from './client/open.js'
export { compare, del, get, put, range } from './client/transaction/parts.js'
export type { ErrorCode } from './codes.js'
export type { ErrorDetails, Outcome, PeerStatus, RafterErrorOptions } from './errors.js'
export { RafterError } from './errors.js'
export { type ForcedCluster, type ForceOptions, forceNewCluster } from './recover/api.js'
