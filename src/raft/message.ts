// Messages between the cores of a group: their fields by name. Layout and meaning are in crates/codec/FORMATS.md.
import { Message } from './kinds.js'

/** A message as the plane reports it; its payload stays with the plane, under `handle`. */
export interface Incoming {
  from: number
  kind: number
  term: number
  /** 0: no payload. */
  handle: number
  a: number
  b: number
  c: number
  d: number
  e: number
  f: number
  /** Of the payload. */
  bytes: number
  /** Pairs of (term, count), flat: the entries of the payload. */
  runs: readonly number[]
}

/** A message to send; entries first ≤ i < end go along. */
export interface Outgoing {
  readonly kind: number
  readonly term: number
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly e: number
  readonly f: number
  readonly first: number
  readonly end: number
}

/** PRE_VOTE or VOTE: asks for a vote in `term` for a log that ends with (lastIndex, lastTerm). `life`: the asker's. */
export function askVote(
  pre: boolean,
  term: number,
  lastIndex: number,
  lastTerm: number,
  transfer: boolean,
  life: number,
): Outgoing {
  const kind = pre ? Message.PRE_VOTE : Message.VOTE
  return { kind, term, a: lastIndex, b: lastTerm, c: transfer ? 1 : 0, d: life, e: 0, f: 0, first: 0, end: 0 }
}

/** The answer to either; `life` echoes the asker's. */
export function voteReply(pre: boolean, term: number, granted: boolean, life: number): Outgoing {
  const kind = pre ? Message.PRE_VOTE_REPLY : Message.VOTE_REPLY
  return { kind, term, a: granted ? 1 : 0, b: 0, c: 0, d: life, e: 0, f: 0, first: 0, end: 0 }
}

/** APPEND with entries first ≤ i < end, or none (first = end = 0): a heartbeat, a probe, or news of a commit. */
export function append(
  term: number,
  previous: number,
  previousTerm: number,
  commit: number,
  round: number,
  first: number,
  end: number,
): Outgoing {
  return { kind: Message.APPEND, term, a: previous, b: previousTerm, c: commit, d: round, e: 0, f: 0, first, end }
}

/**
 * The log equals the leader's up to `index`; `previous` echoes the append's. From when it heard the append, this member gives
 * no other a vote for `promise` ms.
 */
export function appendAccepted(term: number, index: number, round: number, promise: number, previous: number): Outgoing {
  return { kind: Message.APPEND_REPLY, term, a: index, b: 0, c: 0, d: round, e: promise, f: previous, first: 0, end: 0 }
}

/** The log does not have the append's `previous`; up to `index`, of `hintTerm`, it may equal the leader's. */
export function appendRejected(
  term: number,
  index: number,
  hintTerm: number,
  round: number,
  promise: number,
  previous: number,
): Outgoing {
  const kind = Message.APPEND_REPLY
  return { kind, term, a: index, b: 1, c: hintTerm, d: round, e: promise, f: previous, first: 0, end: 0 }
}

/** A member that may have lost its data asks where another stands. */
export function recover(term: number, nonce: number): Outgoing {
  return { kind: Message.RECOVER, term, a: nonce, b: 0, c: 0, d: 0, e: 0, f: 0, first: 0, end: 0 }
}

/** The answer; `nonce` echoes the question's. */
export function recoverReply(term: number, nonce: number, lastIndex: number, leads: boolean, whole: boolean): Outgoing {
  const kind = Message.RECOVER_REPLY
  return { kind, term, a: nonce, b: lastIndex, c: leads ? 1 : 0, d: whole ? 1 : 0, e: 0, f: 0, first: 0, end: 0 }
}

/** What became of a snapshot that ended with (index, snapshotTerm): installed, or not. To who sent it. */
export function snapshotStatus(term: number, index: number, snapshotTerm: number, ok: boolean): Outgoing {
  const kind = Message.SNAPSHOT_STATUS
  return { kind, term, a: index, b: snapshotTerm, c: ok ? 1 : 0, d: 0, e: 0, f: 0, first: 0, end: 0 }
}

/** Tells the target of a leader transfer to campaign now. */
export function timeoutNow(term: number): Outgoing {
  return { kind: Message.TIMEOUT_NOW, term, a: 0, b: 0, c: 0, d: 0, e: 0, f: 0, first: 0, end: 0 }
}
