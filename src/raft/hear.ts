// What becomes of a message that is believed: which of them counts in its term only, what is answered whatever the role, and what
// the role hears.
import { assert } from './assert.js'
import { DURABLE } from './commands.js'
import type { Incoming, Recover } from './message.js'
import type { Raft } from './raft.js'
import { Message, Role } from './raft-kinds.js'
import { answerVote } from './vote.js'

/** Takes a message. */
export function hear(raft: Raft, message: Incoming): void {
  if (message.kind === Message.PRE_VOTE || message.kind === Message.VOTE) answerVote(raft, message)
  else if (message.kind === Message.RECOVER) answerRecover(raft, message)
  else if (message.kind === Message.PRE_VOTE_REPLY && message.granted) raft.behaviour.receive(message)
  else if (message.kind !== Message.RECOVER_REPLY) hearInTerm(raft, message)
}

/**
 * Whether members of other configurations are listened to: a member need not know yet who leads it or asks for its vote (Raft thesis, 4.1).
 * Answers count where the question was asked of members.
 */
export function isForAnybody({ kind }: Incoming): boolean {
  switch (kind) {
    case Message.APPEND:
    case Message.PRE_VOTE:
    case Message.VOTE:
    case Message.TIMEOUT_NOW:
    case Message.RECOVER:
      return true
    default:
      return false
  }
}

/** A message that counts in its term only. */
function hearInTerm(raft: Raft, message: Incoming): void {
  const { term } = message
  if (term < raft.term) {
    answerStale(raft, message)
    return
  }
  if (term > raft.term) raft.follow(term, message.kind === Message.APPEND ? message.from : 0)
  if (message.kind === Message.APPEND && raft.role !== Role.FOLLOWER) {
    assert(raft.role !== Role.LEADER, 'one leader a term', { term, id: raft.config.id, from: message.from })
    raft.follow(term, message.from)
  }
  raft.behaviour.receive(message)
}

/** A message of an earlier term: its sender learns the term from an answer, and steps down. */
function answerStale(raft: Raft, message: Incoming): void {
  if (message.handle !== 0) raft.commands.drop(message.handle)
  if (message.kind === Message.APPEND) {
    const answer = { index: 0, rejected: true, hintTerm: 0, round: 0, promise: 0, previousIndex: message.previousIndex }
    raft.send(message.from, { kind: Message.APPEND_REPLY, term: raft.term, ...answer }, DURABLE)
  } else if (message.kind === Message.SNAPSHOT_STATUS) raft.behaviour.receive(message)
}

/** Tells a member that may have lost its data where this one stands. */
function answerRecover(raft: Raft, { from, nonce }: Incoming & Recover): void {
  const leads = raft.forget(from, nonce)
  const { index: configurationIndex, term: configurationTerm } = raft.configurations.current
  const stand = { lastIndex: raft.log.lastIndex, leads, whole: raft.recovery === null, configurationIndex, configurationTerm }
  raft.send(from, { kind: Message.RECOVER_REPLY, term: raft.term, nonce, ...stand }, DURABLE)
}
