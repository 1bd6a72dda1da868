// Messages between the cores of a group: what each kind says, by name, and where that stands among the six numbers that travel.
// The only place that knows those numbers' order; their meaning is in crates/codec/FORMATS.md. Knows no payload.
import type { ConfigurationEntry } from './configuration.js'
import { Message } from './raft-kinds.js'

/** PRE_VOTE and VOTE: asks for a vote in the message's term. */
export interface VoteRequest {
  readonly kind: typeof Message.PRE_VOTE | typeof Message.VOTE
  /** The asker's log ends with (lastIndex, lastTerm). */
  readonly lastIndex: number
  readonly lastTerm: number
  /** The leader told it to campaign: those who hear that leader vote all the same. */
  readonly transfer: boolean
  /** The asker's. */
  readonly life: number
}

/** The answer to either. */
export interface VoteReply {
  readonly kind: typeof Message.PRE_VOTE_REPLY | typeof Message.VOTE_REPLY
  readonly granted: boolean
  /** Echoes the asker's. */
  readonly life: number
}

/** Entries after (previousIndex, previousTerm), or none: a heartbeat, a probe, or news of a commit. */
export interface Append {
  readonly kind: typeof Message.APPEND
  readonly previousIndex: number
  readonly previousTerm: number
  readonly commit: number
  /** See rounds.ts. */
  readonly round: number
}

/** How far the follower's log equals the leader's. */
export interface AppendReply {
  readonly kind: typeof Message.APPEND_REPLY
  /** The logs are equal up to here, on the follower's disk; if rejected, they may be equal up to here. */
  readonly index: number
  /** The follower does not have the append's previous entry. */
  readonly rejected: boolean
  /** If rejected: the term of `index` in the follower's log. */
  readonly hintTerm: number
  /** Echoes the append's. */
  readonly round: number
  /** For so many ms, from when it heard the append, the follower gives no other member a vote. */
  readonly promise: number
  /** Echoes the append's. */
  readonly previousIndex: number
}

/** Tells the target of a leader transfer to campaign now. */
export interface TimeoutNow {
  readonly kind: typeof Message.TIMEOUT_NOW
}

/** What became of a snapshot that ended with (index, snapshotTerm): installed, or not. To who sent it. */
export interface SnapshotStatus {
  readonly kind: typeof Message.SNAPSHOT_STATUS
  readonly index: number
  readonly snapshotTerm: number
  readonly installed: boolean
}

/** A member that may have lost its data asks where another stands. */
export interface Recover {
  readonly kind: typeof Message.RECOVER
  readonly nonce: number
}

/** The answer: the other's term is the message's. */
export interface RecoverReply {
  readonly kind: typeof Message.RECOVER_REPLY
  /** Echoes the question's. */
  readonly nonce: number
  readonly lastIndex: number
  readonly leads: boolean
  /** It does not recover itself. */
  readonly whole: boolean
  /** The entry of the configuration that is in force there; 0: the group's first. */
  readonly configurationIndex: number
  readonly configurationTerm: number
}

/** What a message says; `kind` decides which fields it has. */
export type Content = VoteRequest | VoteReply | Append | AppendReply | TimeoutNow | SnapshotStatus | Recover | RecoverReply

/** A message as the plane reports it; its payload stays with the plane, under `handle`. */
export type Incoming = Content & {
  from: number
  term: number
  /** 0: no payload. */
  handle: number
  /** Of the payload. */
  bytes: number
  /** Pairs of (term, count), flat: the entries of the payload. */
  runs: readonly number[]
  /** The entries of the payload that say who the members are, ascending. */
  configurations: readonly ConfigurationEntry[]
  /** Why it cannot be read, and then its fields mean nothing; empty if it can. */
  flaw: string
}

/** A message to send; entries first ≤ i < end go along with an append, first = end = 0: none. */
export type Outgoing =
  | (Exclude<Content, Append> & { readonly term: number })
  | (Append & { readonly term: number; readonly first: number; readonly end: number })

/** Where a record's numbers come from, one by one. */
interface Source {
  next(): number
}

/** Where they go to. */
interface Sink {
  put(value: number): void
}

/** All that any kind says: one object is used for every message that arrives. */
type Fields = { -readonly [Name in Exclude<FieldName<Content>, 'kind'>]: number | boolean } & { kind: number; flaw: string }
type FieldName<Kind> = Kind extends Kind ? keyof Kind : never

/** Indexes, rounds and terms stay far below this, so that what is counted from them is exact. */
export const NUMBER_MAX = 2 ** 52

/** Whether a field may have this value. */
export function isNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= NUMBER_MAX
}

/** A message that says nothing yet: for `readContent`. */
export function emptyMessage(): Incoming {
  // One literal, so that all fields lie in the object itself.
  return {
    kind: Message.TIMEOUT_NOW,
    from: 0,
    term: 0,
    handle: 0,
    bytes: 0,
    runs: [],
    configurations: [],
    flaw: '',
    lastIndex: 0,
    lastTerm: 0,
    transfer: false,
    life: 0,
    granted: false,
    previousIndex: 0,
    previousTerm: 0,
    commit: 0,
    round: 0,
    index: 0,
    rejected: false,
    hintTerm: 0,
    promise: 0,
    snapshotTerm: 0,
    installed: false,
    nonce: 0,
    leads: false,
    whole: false,
    configurationIndex: 0,
    configurationTerm: 0,
  } as Incoming
}

/** Makes `message` one of this kind, with the six numbers that come next. */
export function readContent(message: Incoming, kind: number, source: Source): void {
  const a = source.next()
  const b = source.next()
  const c = source.next()
  const d = source.next()
  const e = source.next()
  const f = source.next()
  const fields = message as unknown as Fields
  fields.kind = kind
  const numbers = isNumber(a) && isNumber(b) && isNumber(c) && isNumber(d) && isNumber(e) && isNumber(f)
  fields.flaw = numbers ? '' : 'a field is no number'
  switch (kind) {
    case Message.PRE_VOTE:
    case Message.VOTE:
      fields.lastIndex = a
      fields.lastTerm = b
      fields.transfer = c === 1
      fields.life = d
      break
    case Message.PRE_VOTE_REPLY:
    case Message.VOTE_REPLY:
      fields.granted = a === 1
      fields.life = d
      break
    case Message.APPEND:
      fields.previousIndex = a
      fields.previousTerm = b
      fields.commit = c
      fields.round = d
      break
    case Message.APPEND_REPLY:
      fields.index = a
      fields.rejected = b === 1
      fields.hintTerm = c
      fields.round = d
      fields.promise = e
      fields.previousIndex = f
      break
    case Message.TIMEOUT_NOW:
      break
    case Message.SNAPSHOT_STATUS:
      fields.index = a
      fields.snapshotTerm = b
      fields.installed = c === 1
      break
    case Message.RECOVER:
      fields.nonce = a
      break
    case Message.RECOVER_REPLY:
      fields.nonce = a
      fields.lastIndex = b
      fields.leads = c === 1
      fields.whole = d === 1
      fields.configurationIndex = e
      fields.configurationTerm = f
      break
    default:
      fields.flaw = 'its kind is unknown'
  }
}

/** Writes what a message says as the six numbers that `readContent` reads. */
export function writeContent(message: Content, sink: Sink): void {
  switch (message.kind) {
    case Message.PRE_VOTE:
    case Message.VOTE:
      write(sink, message.lastIndex, message.lastTerm, message.transfer ? 1 : 0, message.life, 0, 0)
      break
    case Message.PRE_VOTE_REPLY:
    case Message.VOTE_REPLY:
      write(sink, message.granted ? 1 : 0, 0, 0, message.life, 0, 0)
      break
    case Message.APPEND:
      write(sink, message.previousIndex, message.previousTerm, message.commit, message.round, 0, 0)
      break
    case Message.APPEND_REPLY: {
      const { index, rejected, hintTerm, round, promise, previousIndex } = message
      write(sink, index, rejected ? 1 : 0, hintTerm, round, promise, previousIndex)
      break
    }
    case Message.TIMEOUT_NOW:
      write(sink, 0, 0, 0, 0, 0, 0)
      break
    case Message.SNAPSHOT_STATUS:
      write(sink, message.index, message.snapshotTerm, message.installed ? 1 : 0, 0, 0, 0)
      break
    case Message.RECOVER:
      write(sink, message.nonce, 0, 0, 0, 0, 0)
      break
    case Message.RECOVER_REPLY: {
      const { nonce, lastIndex, leads, whole, configurationIndex, configurationTerm } = message
      write(sink, nonce, lastIndex, leads ? 1 : 0, whole ? 1 : 0, configurationIndex, configurationTerm)
      break
    }
  }
}

function write(sink: Sink, a: number, b: number, c: number, d: number, e: number, f: number): void {
  sink.put(a)
  sink.put(b)
  sink.put(c)
  sink.put(d)
  sink.put(e)
  sink.put(f)
}
