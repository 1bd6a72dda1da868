// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

/** Kinds of operation, as in crates/codec/FORMATS.md. */
export const OperationKind = {
  PUT: 1,
  DELETE_RANGE: 2,
  TXN: 3,
  COMPACT: 4,
  RANGE: 5,
  RAISE_REVISION: 6,
} as const

/** Kinds of request, as in crates/codec/FORMATS.md. */
export const RequestKind = {
  WRITE: 1,
  READ: 2,
  WATCH: 3,
  WATCH_CREDIT: 4,
  CANCEL: 5,
  STATUS: 6,
  MEMBERS: 7,
  TRANSFER: 8,
  SNAPSHOT: 9,
} as const

/** Kinds of consistency, as in crates/codec/FORMATS.md. */
export const ConsistencyKind = {
  LINEARIZABLE: 0,
  SERIALIZABLE: 1,
  BOUNDED: 2,
} as const

/** Kinds of compareResult, as in crates/codec/FORMATS.md. */
export const CompareResultKind = {
  EQUAL: 0,
  GREATER: 1,
  LESS: 2,
  NOT_EQUAL: 3,
} as const

/** Kinds of compareTarget, as in crates/codec/FORMATS.md. */
export const CompareTargetKind = {
  VERSION: 0,
  CREATE: 1,
  MOD: 2,
  VALUE: 3,
  LEASE: 4,
} as const
