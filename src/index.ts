// The public API: a table of contents.
export type {
  As,
  Bytes,
  CallOptions,
  Compare,
  CompareOperator,
  CompareTarget,
  ConnectOptions,
  Database,
  DeleteResult,
  HistoryBound,
  HistoryOptions,
  KeyValue,
  LogLevel,
  Member,
  MemberStatus,
  OpenOptions,
  Pair,
  PutResult,
  RangeOptions,
  ReadOptions,
  Selection,
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
