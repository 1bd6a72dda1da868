// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

/** Operations of a batch or read, as in crates/codec/FORMATS.md. */
export const OperationKind = {
  /** writes a key */
  PUT: 1,
  /** deletes keys */
  DELETE_RANGE: 2,
  /** compares, then runs one of two branches */
  TXN: 3,
  /** forgets old versions */
  COMPACT: 4,
  /** reads keys */
  RANGE: 5,
  /** raises the store's revision */
  RAISE_REVISION: 6,
} as const

/** One of them. */
export type OperationKind = (typeof OperationKind)[keyof typeof OperationKind]

/** Requests of a client, as in crates/codec/FORMATS.md. */
export const RequestKind = {
  /** a batch */
  WRITE: 1,
  /** ranges */
  READ: 2,
  /** begins a watch */
  WATCH: 3,
  /** lets more events of a watch be sent */
  WATCH_CREDIT: 4,
  /** ends a watch, or forgets a request */
  CANCEL: 5,
  /** how one member is */
  STATUS: 6,
  /** who is a member, and who leads */
  MEMBERS: 7,
  /** moves the leadership */
  TRANSFER: 8,
  /** has the group's state written out */
  SNAPSHOT: 9,
  /** asks for other members */
  CHANGE_MEMBERS: 10,
} as const

/** One of them. */
export type RequestKind = (typeof RequestKind)[keyof typeof RequestKind]

/** What a read sees, as in crates/codec/FORMATS.md. */
export const ConsistencyKind = {
  /** sees all that was committed before it was asked */
  LINEARIZABLE: 0,
  /** sees what the member has applied */
  SERIALIZABLE: 1,
  /** sees what is behind by no more than was asked */
  BOUNDED: 2,
} as const

/** One of them. */
export type ConsistencyKind = (typeof ConsistencyKind)[keyof typeof ConsistencyKind]

/** What a compare asks for, as in crates/codec/FORMATS.md. */
export const CompareResultKind = {
  /** equal to the operand */
  EQUAL: 0,
  /** greater than the operand */
  GREATER: 1,
  /** less than the operand */
  LESS: 2,
  /** not equal to the operand */
  NOT_EQUAL: 3,
} as const

/** One of them. */
export type CompareResultKind = (typeof CompareResultKind)[keyof typeof CompareResultKind]

/** What of a key is compared, as in crates/codec/FORMATS.md. */
export const CompareTargetKind = {
  /** its version */
  VERSION: 0,
  /** its create revision */
  CREATE: 1,
  /** its mod revision */
  MOD: 2,
  /** its value */
  VALUE: 3,
  /** its lease */
  LEASE: 4,
} as const

/** One of them. */
export type CompareTargetKind = (typeof CompareTargetKind)[keyof typeof CompareTargetKind]
